"""What is in the index, in one SQLite file: documents, chunks, and the lexical index (FTS5, BM25) beside them.

The catalogue decides what is live. A run of the indexer is one transaction, whose commit is the moment at which the
old index becomes the new one; vectors that no live chunk names are not answered with (``rag/store/index.py``).
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeVar

from rag.text import FUNCTION_WORDS
from rag.types import Chunk, Document, Filter, Heading

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sources (
    id TEXT PRIMARY KEY, location TEXT NOT NULL, root TEXT NOT NULL, digest TEXT NOT NULL, problems TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, source_id TEXT NOT NULL REFERENCES sources (id), title TEXT NOT NULL, source TEXT NOT NULL,
    date TEXT, media_type TEXT NOT NULL, metadata TEXT NOT NULL, text TEXT NOT NULL, headings TEXT NOT NULL,
    page_starts TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS documents_by_source ON documents (source_id);
CREATE TABLE IF NOT EXISTS chunks (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL UNIQUE, document_id TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, heading_path TEXT NOT NULL, first_page INTEGER, last_page INTEGER,
    text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_by_document ON chunks (document_id);
CREATE VIRTUAL TABLE IF NOT EXISTS lexical
    USING fts5 (context, text, tokenize = 'porter unicode61 remove_diacritics 2');
"""
_CHUNK = (
    'SELECT c.id, c.document_id, c.text, c.start, c."end", c.heading_path, c.first_page, c.last_page, d.title, '
    "d.source, d.date, c.record FROM chunks c JOIN documents d ON d.id = c.document_id "
)
_STOP_WORDS = FUNCTION_WORDS | {"any", "not"}
"""Query words that are left out of the lexical search: they stand in most documents."""

MOST_TERMS = 64

Match = TypeVar("Match")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A file, page or list as the last run saw it. ``problems`` are the parts of it that could not be read."""

    id: str
    location: str
    root: str
    digest: str
    problems: tuple[tuple[str, str], ...] = ()


class Catalogue:
    """The SQLite file at ``path``, created where it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._remembered: dict[str, tuple[tuple[int, int], Any]] = {}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what happens inside becomes visible to others at its end, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def revision(self) -> int:
        """A number that changes when another connection has committed something."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def remembered(self, name: str, find: Callable[[], Match]) -> Match:
        """What ``find`` reads from every row, under ``name``; read again only if something was written since."""
        state = self.revision(), self._db.total_changes
        if self._db.in_transaction:  # which may be rolled back
            return find()
        if self._remembered.get(name, (None,))[0] != state:
            self._remembered[name] = state, find()
        found: Match = self._remembered[name][1]
        return found

    def meta(self, key: str) -> str | None:
        """A value that :meth:`set_meta` stored."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Store ``value``."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def sources(self) -> dict[str, SourceRow]:
        """Every source by its id."""
        rows = self._db.execute("SELECT id, location, root, digest, problems FROM sources")
        return {
            id_: SourceRow(
                id=id_, location=at, root=root, digest=digest, problems=tuple((p, r) for p, r in json.loads(problems))
            )
            for id_, at, root, digest, problems in rows
        }

    def put_source(self, row: SourceRow) -> None:
        """Store or replace a source; its documents are put one by one."""
        values = (row.id, row.location, row.root, row.digest, json.dumps(row.problems))
        self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)", values)

    def put_document(self, document: Document, source_id: str, chunks: Sequence[tuple[Chunk, str]]) -> None:
        """Store a document and its ``(chunk, record id)`` pairs."""
        self._db.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                source_id,
                document.title,
                document.source,
                document.date,
                document.media_type,
                json.dumps(dict(document.metadata), ensure_ascii=False),
                document.text,
                json.dumps([(h.start, h.end, h.level, h.text) for h in document.headings], ensure_ascii=False),
                json.dumps(document.page_starts),
            ),
        )
        for chunk, record in chunks:
            pages = chunk.pages or (None, None)
            path = json.dumps(chunk.heading_path, ensure_ascii=False)
            values = (chunk.id, record, chunk.document_id, chunk.start, chunk.end, path, *pages, chunk.text)
            number = self._db.execute("INSERT INTO chunks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values).lastrowid
            self._db.execute(
                "INSERT INTO lexical (rowid, context, text) VALUES (?, ?, ?)", (number, chunk.context, chunk.text)
            )

    def drop_source(self, source_id: str) -> None:
        """Remove a source with its documents and chunks."""
        for (document_id,) in self._db.execute("SELECT id FROM documents WHERE source_id = ?", (source_id,)).fetchall():
            self._db.execute(
                "DELETE FROM lexical WHERE rowid IN (SELECT number FROM chunks WHERE document_id = ?)", (document_id,)
            )
            self._db.execute("DELETE FROM chunks WHERE document_id = ?", (document_id,))
        self._db.execute("DELETE FROM documents WHERE source_id = ?", (source_id,))
        self._db.execute("DELETE FROM sources WHERE id = ?", (source_id,))

    def documents_of(self, source_id: str) -> dict[str, frozenset[str]]:
        """The record ids of each document of a source, by document id."""
        found: dict[str, set[str]] = {
            id_: set() for (id_,) in self._db.execute("SELECT id FROM documents WHERE source_id = ?", (source_id,))
        }
        for id_, record in self._db.execute(
            "SELECT c.document_id, c.record FROM chunks c JOIN documents d ON d.id = c.document_id "
            "WHERE d.source_id = ?",
            (source_id,),
        ):
            found[id_].add(record)
        return {id_: frozenset(records) for id_, records in found.items()}

    def owner(self, document_id: str) -> str | None:
        """The source of a document."""
        row = self._db.execute("SELECT source_id FROM documents WHERE id = ?", (document_id,)).fetchone()
        return None if row is None else str(row[0])

    def document(self, document_id: str) -> Document | None:
        """A document as it was indexed."""
        row = self._db.execute(
            "SELECT id, title, text, source, date, media_type, metadata, headings, page_starts "
            "FROM documents WHERE id = ?",
            (document_id,),
        ).fetchone()
        if row is None:
            return None
        id_, title, text, source, date, media_type, metadata, headings, page_starts = row
        return Document(
            id=id_,
            title=title,
            text=text,
            source=source,
            date=date,
            media_type=media_type,
            metadata=json.loads(metadata),
            headings=tuple(Heading(start=a, end=b, level=n, text=words) for a, b, n, words in json.loads(headings)),
            page_starts=tuple(json.loads(page_starts)),
        )

    def chunk(self, chunk_id: str) -> Chunk | None:
        """A chunk by its id."""
        row = self._db.execute(_CHUNK + "WHERE c.id = ?", (chunk_id,)).fetchone()
        return None if row is None else _chunk(row)

    def by_records(self, records: Sequence[str]) -> dict[str, Chunk]:
        """The live chunks among ``records``, by record id."""
        found: dict[str, Chunk] = {}
        for start in range(0, len(records), 500):
            part = records[start : start + 500]
            marks = ",".join("?" * len(part))
            found |= {row[-1]: _chunk(row) for row in self._db.execute(_CHUNK + f"WHERE c.record IN ({marks})", part)}
        return found

    def records(self) -> Iterator[str]:
        """The record ids of every live chunk."""
        for (record,) in self._db.execute("SELECT record FROM chunks"):
            yield record

    def records_of(self, chunk_ids: Sequence[str]) -> dict[str, str]:
        """Chunk id → record id."""
        marks = ",".join("?" * len(chunk_ids))
        return dict(
            self._db.execute(f"SELECT id, record FROM chunks WHERE id IN ({marks})", list(chunk_ids)).fetchall()
        )

    def count(self) -> tuple[int, int]:
        """Documents and chunks."""
        return (
            int(self._db.execute("SELECT count(*) FROM documents").fetchone()[0]),
            int(self._db.execute("SELECT count(*) FROM chunks").fetchone()[0]),
        )

    def languages(self) -> dict[str, int]:
        """How many documents are in a language other than English, by its code."""
        return self.remembered("languages", self._languages)

    def _languages(self) -> dict[str, int]:
        rows = self._db.execute(
            "SELECT json_extract(metadata, '$.language'), count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC"
        )
        return {code: count for code, count in rows if code}

    def matching(self, where: Filter) -> list[str]:
        """The ids of the documents that ``where`` lets through."""
        rows = self._db.execute("SELECT id, title, date FROM documents").fetchall()
        return [id_ for id_, title, date in rows if _matches(where, id_, title, date)]

    def lexical(self, query: str, k: int, where: Filter | None = None) -> list[tuple[Chunk, float]]:
        """The ``k`` best chunks by BM25 (Robertson & Zaragoza, 2009; k1 1.2, b 0.75, Porter stems), scores above 0."""
        terms = _terms(query)
        if not terms:
            return []
        allowed = None if where is None or where.empty else json.dumps(self.matching(where))
        narrowed = "" if allowed is None else "AND c.document_id IN (SELECT value FROM json_each(?)) "
        sql = (
            _CHUNK.replace("SELECT ", "SELECT bm25(lexical) AS distance, ", 1)
            + f"JOIN lexical ON lexical.rowid = c.number WHERE lexical MATCH ? {narrowed}"
            + "ORDER BY distance, c.number LIMIT ?"
        )
        values: list[Any] = [" OR ".join(f'"{term}"' for term in terms), *([] if allowed is None else [allowed]), k]
        return [(_chunk(row[1:]), -float(row[0])) for row in self._db.execute(sql, values)]

    def snapshot(self, path: Path) -> None:
        """Write the whole catalogue as one plain file to ``path``."""
        path.unlink(missing_ok=True)
        self._db.execute("VACUUM INTO ?", (str(path),))


def _terms(query: str) -> list[str]:
    """The words of a query as FTS5 may see them: letters and digits only, so that nothing in it is an operator."""
    words = dict.fromkeys(re.findall(r"[^\W_]+", query.lower()))
    return ([word for word in words if word not in _STOP_WORDS] or list(words))[:MOST_TERMS]


def _matches(where: Filter, id_: str, title: str, date: str | None) -> bool:
    if where.document and not (
        fnmatch(id_.casefold(), where.document.casefold()) or fnmatch(title.casefold(), where.document.casefold())
    ):
        return False
    if not (where.since or where.until):
        return True
    # ISO dates of any precision compare as text once both are cut to the shorter one.
    return bool(
        date
        and (not where.since or date[: len(where.since)] >= where.since[: len(date)])
        and (not where.until or date[: len(where.until)] <= where.until[: len(date)])
    )


def _chunk(row: Sequence[Any]) -> Chunk:
    id_, document_id, text, start, end, path, first, last, title, source, date, _ = row
    return Chunk(
        id=id_,
        document_id=document_id,
        text=text,
        start=start,
        end=end,
        heading_path=tuple(json.loads(path)),
        pages=None if first is None else (first, last),
        title=title,
        source=source,
        date=date,
    )
