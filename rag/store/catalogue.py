"""The catalogue of an index, in one SQLite file: sources, documents, chunks, and the lexical index.

The catalogue decides which chunks are live. A run of the indexer is one transaction; its commit replaces the old index
by the new one. See :mod:`rag.store.index` for the order of writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rag.store.chunk_ids import chunks_with_id, owner_of_ids
from rag.store.chunk_rows import SELECT_CHUNK, make_chunk, place_json, searched_text, select_chunks
from rag.store.document_rows import SELECT_DOCUMENT, coverage_json, document_row, make_coverage, make_document
from rag.store.filters import passes_filter
from rag.store.full_text import FullTextIndex
from rag.store.lexical import LexicalIndex
from rag.store.read_only import is_read_only, open_catalogue
from rag.store.terms import TERMS_VERSION
from rag.store.vocabulary import WORDS_SCHEMA, Vocabulary
from rag.types import Chunk, Coverage, Document, Filter

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
CREATE TABLE IF NOT EXISTS coverage (document_id TEXT PRIMARY KEY, coverage TEXT NOT NULL);
"""
_TERMS_KEY = "terms"  # in ``meta``, of the version of the lexical index's terms
_MAPPED_BYTES = 2_000_000_000
"""Part of the file that is read through the page cache of the system without a copy: a third less time a search."""

MIN_DATED = 40
"""The number of documents of which half have to have a date for the latest ones to say anything."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source as the last run saw it. ``problems`` are ``(path, reason)`` of the parts that could not be read."""

    id: str
    location: str
    root: str
    digest: str
    problems: tuple[tuple[str, str], ...] = ()


class Catalogue:
    """The catalogue in the SQLite file ``path``, created if it is missing. One that cannot be written is only read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and is_read_only(path.parent):
            self._db = open_catalogue(path)
        else:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA + WORDS_SCHEMA)
        self._db.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        self._cache: dict[str, tuple[tuple[int, int], Any]] = {}
        self._lexical = LexicalIndex(self._db, self.cached)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the changes of this block at its end, or none of them if it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._lexical.create()
            if self.meta(_TERMS_KEY) != TERMS_VERSION:
                self._rebuild_lexical()
            yield
            self._lexical.flush()
        except BaseException:
            self._lexical.discard()
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _in_transaction(self) -> AbstractContextManager[None]:
        """Begin a transaction unless the caller has begun one."""
        return nullcontext() if self._db.in_transaction else self.transaction()

    def _rebuild_lexical(self) -> None:
        """Build the lexical index from the chunks, in 0.2 ms for each, and drop the one with other terms."""
        self._lexical.clear()
        for row in self._db.execute(SELECT_CHUNK + "ORDER BY c.number"):
            self._lexical.add(row[-1], searched_text(make_chunk(row)))
        self._db.execute("DROP TABLE IF EXISTS lexical")
        self.set_meta(_TERMS_KEY, TERMS_VERSION)

    @property
    def _searched(self) -> LexicalIndex | FullTextIndex:
        """The lexical index, which is of schema 1 until an indexer has written to the catalogue."""
        return FullTextIndex(self._db) if FullTextIndex.exists(self._db) else self._lexical

    def _state(self) -> tuple[int, int]:
        """Return a value that changes with any change of the catalogue."""
        return self.revision(), self._db.total_changes

    def revision(self) -> int:
        """Return a number that changes when another connection has committed a change."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def cached(self, name: str, compute: Callable[[], Value]) -> Value:
        """Return ``compute()``, cached under ``name`` until the catalogue changes."""
        state = self._state()
        if self._db.in_transaction:  # may be rolled back
            return compute()
        if self._cache.get(name, (None,))[0] != state:
            self._cache[name] = state, compute()
        value: Value = self._cache[name][1]
        return value

    def meta(self, key: str) -> str | None:
        """Return the value that :meth:`set_meta` stored under ``key``."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Store ``value`` under ``key``."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def sources(self) -> dict[str, SourceRow]:
        """Return every source by its id."""
        rows = self._db.execute("SELECT id, location, root, digest, problems FROM sources")
        return {
            id_: SourceRow(
                id=id_,
                location=location,
                root=root,
                digest=digest,
                problems=tuple((path, reason) for path, reason in json.loads(problems)),
            )
            for id_, location, root, digest, problems in rows
        }

    def put_source(self, row: SourceRow) -> None:
        """Store or replace a source, without its documents."""
        values = (row.id, row.location, row.root, row.digest, json.dumps(row.problems))
        self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)", values)

    def put_document(self, document: Document, source_id: str, chunks: Sequence[tuple[Chunk, str]]) -> None:
        """Store a document of a source and its ``(chunk, record id)`` pairs."""
        with self._in_transaction():
            row = document_row(document, source_id)
            self._db.execute(f"INSERT INTO documents VALUES ({','.join('?' * len(row))})", row)
            if document.coverage:
                coverage = document.id, coverage_json(document.coverage)
                self._db.execute("INSERT OR REPLACE INTO coverage VALUES (?, ?)", coverage)
            self.vocabulary.add(searched_text(chunk) for chunk, _ in chunks)
            for chunk, record in chunks:
                place = (chunk.document_id, chunk.start, chunk.end, place_json(chunk), *(chunk.pages or (None, None)))
                number = self._db.execute(
                    "INSERT INTO chunks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (chunk.id, record, *place, chunk.text),
                ).lastrowid
                self._lexical.add(int(number or 0), searched_text(chunk))

    def delete_source(self, source_id: str) -> None:
        """Delete a source with its documents and chunks."""
        numbers = self._db.execute(
            "SELECT c.number FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.source_id = ?", (source_id,)
        ).fetchall()
        of_source = "document_id IN (SELECT id FROM documents WHERE source_id = ?)"
        with self._in_transaction():
            self._lexical.delete([number for (number,) in numbers])
            self._db.execute(f"DELETE FROM chunks WHERE {of_source}", (source_id,))
            self._db.execute(f"DELETE FROM coverage WHERE {of_source}", (source_id,))
            self._db.execute("DELETE FROM documents WHERE source_id = ?", (source_id,))
            self._db.execute("DELETE FROM sources WHERE id = ?", (source_id,))

    def records_by_document(self, source_id: str) -> dict[str, frozenset[str]]:
        """Return the record ids of each document of a source, by document id."""
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

    def source_of(self, document_id: str) -> str | None:
        """Return the id of the source of a document, or None if there is no such document."""
        row = self._db.execute("SELECT source_id FROM documents WHERE id = ?", (document_id,)).fetchone()
        return None if row is None else str(row[0])

    def owner_of_ids(self, chunks: Sequence[tuple[Chunk, str]]) -> str | None:
        """Return the id of a document that has the id of one of the ``(chunk, record id)`` pairs, or None."""
        return owner_of_ids(self._db, chunks)

    def document(self, document_id: str) -> Document | None:
        """Return a document as it was indexed, or None."""
        row = self._db.execute(SELECT_DOCUMENT + "WHERE id = ?", (document_id,)).fetchone()
        return None if row is None else make_document(row, self._coverage_of(document_id))

    def _coverage_of(self, document_id: str) -> Coverage:
        try:
            row = self._db.execute("SELECT coverage FROM coverage WHERE document_id = ?", (document_id,)).fetchone()
        except sqlite3.OperationalError:  # an index of an earlier version that cannot be written
            return Coverage()
        return make_coverage(row[0]) if row else Coverage()

    def coverages(self, source_ids: Collection[str]) -> dict[str, Coverage]:
        """Return the coverage of the documents of sources, by document id, where anything is known of it."""
        rows = self._db.execute(
            "SELECT d.id, d.source_id, c.coverage FROM coverage c JOIN documents d ON d.id = c.document_id "
            "ORDER BY d.id"
        )
        return {id_: make_coverage(values) for id_, source_id, values in rows if source_id in source_ids}

    def chunks_with_id(self, chunk_id: str) -> list[Chunk]:
        """Return the chunk with this id; several only if it is an earlier version's, which they have in common."""
        return chunks_with_id(self._db, chunk_id)

    def neighbours(self, chunk: Chunk) -> list[Chunk]:
        """Return the chunks of the same document directly before and after ``chunk``, as far as there are."""
        beside = (self._beside(chunk, "< ? ORDER BY c.start DESC"), self._beside(chunk, "> ? ORDER BY c.start"))
        return [found for found in beside if found is not None]

    def first_chunk(self, document_id: str) -> Chunk | None:
        """Return the first chunk of a document."""
        return next(
            iter(select_chunks(self._db, "WHERE c.document_id = ? ORDER BY c.start LIMIT 1", document_id)), None
        )

    def _beside(self, chunk: Chunk, condition: str) -> Chunk | None:
        sql = f"WHERE c.document_id = ? AND c.start {condition} LIMIT 1"
        return next(iter(select_chunks(self._db, sql, chunk.document_id, chunk.start)), None)

    def chunks_by_record(self, records: Sequence[str]) -> dict[str, Chunk]:
        """Return the live chunks among ``records``, by record id."""
        sql = SELECT_CHUNK + "WHERE c.record IN (SELECT value FROM json_each(?))"
        return {row[-2]: make_chunk(row) for row in self._db.execute(sql, (json.dumps(list(records)),))}

    def records(self) -> Iterator[str]:
        """Yield the record id of every live chunk."""
        for (record,) in self._db.execute("SELECT record FROM chunks"):
            yield record

    def records_by_chunk(self, chunk_ids: Sequence[str]) -> dict[str, str]:
        """Return the record ids of live chunks, by chunk id."""
        sql = "SELECT id, record FROM chunks WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(sql, (json.dumps(list(chunk_ids)),)).fetchall())

    def count(self) -> tuple[int, int]:
        """Return the numbers of documents and of chunks."""
        return (
            int(self._db.execute("SELECT count(*) FROM documents").fetchone()[0]),
            int(self._db.execute("SELECT count(*) FROM chunks").fetchone()[0]),
        )

    def latest_date(self) -> str | None:
        """Return the latest date of a document, in ISO 8601; None if less than half of the documents have one."""
        return next(iter(self._dates()), None)  # the latest of a few dates may be years before what others tell

    def date_of_latest(self, share: float) -> str | None:
        """Return the date since which this ``share`` of the dated documents is; None if few documents have a date."""
        dates = self._dates()
        return dates[int(share * len(dates))] if 2 * len(dates) >= MIN_DATED else None

    def _dates(self) -> list[str]:
        """Return the dates of the documents, the latest first; none if less than half of the documents have one."""
        return self.cached("dates", self._find_dates)

    def _find_dates(self) -> list[str]:
        dates = [date for (date,) in self._db.execute("SELECT date FROM documents ORDER BY date DESC")]
        dated = list(filter(None, dates))
        return dated if 2 * len(dated) >= len(dates) else []

    def chunk_count(self, document_id: str) -> int:
        """Return the number of chunks of a document."""
        row = self._db.execute("SELECT count(*) FROM chunks WHERE document_id = ?", (document_id,)).fetchone()
        return int(row[0])

    def languages(self) -> dict[str, int]:
        """Return the number of documents in each language other than English, by ISO 639-1 code."""
        return self.cached("languages", self._count_languages)

    def _count_languages(self) -> dict[str, int]:
        rows = self._db.execute(
            "SELECT json_extract(metadata, '$.language'), count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC"
        )
        return {code: count for code, count in rows if code}

    def matching_documents(self, where: Filter) -> list[str]:
        """Return the ids of the documents that pass ``where``."""
        rows = self._db.execute("SELECT id, title, date FROM documents").fetchall()
        return [id_ for id_, title, date in rows if passes_filter(where, id_=id_, title=title, date=date)]

    def lexical(self, query: str, k: int, where: Filter | None = None) -> list[tuple[Chunk, float]]:
        """Return the ``k`` best chunks with their scores, which are above 0.

        Scores are BM25 (Robertson & Zaragoza, 2009; k1 1.2, b 0.75) over Porter stems; equal scores are ordered by the
        time at which the chunks were added.
        """

        def search() -> list[tuple[Chunk, float]]:
            allowed = None if where is None or where.empty else self._chunks_of(self.matching_documents(where))
            best = self._searched.search(query, k, allowed)
            chunks = self._chunks_by_number([number for number, _ in best])
            return [(chunks[number], score) for number, score in best]

        return self._read(search)

    def _read(self, read: Callable[[], Value]) -> Value:
        """Return ``read()`` of one state of the catalogue: it is called again if another process commits meanwhile.

        A transaction would do the same, but the threads that share the connection would have to wait for each other.
        """
        while True:
            state = self._state()
            try:
                found = read()
            except Exception:  # parts of two states may be at odds in any way
                if self._state() == state:
                    raise
            else:
                if self._db.in_transaction or self._state() == state:
                    return found

    def _chunks_by_number(self, numbers: Sequence[int]) -> dict[int, Chunk]:
        rows = self._db.execute(
            SELECT_CHUNK + "WHERE c.number IN (SELECT value FROM json_each(?))", (json.dumps(numbers),)
        )
        return {row[-1]: make_chunk(row) for row in rows}

    def _chunks_of(self, documents: Sequence[str]) -> list[int]:
        """Return the numbers of the chunks of documents."""
        sql = "SELECT number FROM chunks WHERE document_id IN (SELECT value FROM json_each(?))"
        return [number for (number,) in self._db.execute(sql, (json.dumps(documents),))]

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the chunks."""
        return Vocabulary(self._db, lambda word: self._read(lambda: self._searched.frequency(word)))

    def words(self) -> list[str]:
        """Return :meth:`Vocabulary.words`, cached until the catalogue changes."""
        return self.cached("words", self.vocabulary.words)

    def snapshot(self, path: Path) -> None:
        """Write the whole catalogue to ``path`` as one file without a write-ahead log."""
        path.unlink(missing_ok=True)
        self._db.execute("VACUUM INTO ?", (str(path),))
