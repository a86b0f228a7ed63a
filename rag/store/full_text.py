"""The lexical index of catalogues of schema 1, a table of SQLite's full-text search (FTS5), which is read only.

It scores every chunk that has a word of the query, in 0.6 ms for each thousand chunks. The next run of the indexer
replaces it by :class:`rag.store.lexical.LexicalIndex`, which ranks words equally and knows signs, too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from rag.store.terms import query_words


class FullTextIndex:
    """The lexical index in the table ``lexical`` of ``db``."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @staticmethod
    def exists(db: sqlite3.Connection) -> bool:
        """Whether ``db`` has a lexical index of this kind."""
        return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'lexical'").fetchone() is not None

    def search(self, query: str, k: int, allowed: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """Return what :meth:`rag.store.lexical.LexicalIndex.search` returns."""
        expression = " OR ".join(f'"{word}"' for word in query_words(query))  # quoted: no word is an operator
        if not expression:
            return []
        condition = "" if allowed is None else "AND rowid IN (SELECT value FROM json_each(?)) "
        sql = (
            f"SELECT rowid, bm25(lexical) AS distance FROM lexical WHERE lexical MATCH ? {condition}"
            "ORDER BY distance, rowid LIMIT ?"
        )
        values = [expression, *([] if allowed is None else [json.dumps(list(allowed))]), k]
        return [(number, -distance) for number, distance in self._db.execute(sql, values)]

    def frequency(self, word: str) -> int:
        """Return the number of chunks that have ``word``, which is letters only, or another word of the same stem."""
        sql = "SELECT count(*) FROM lexical WHERE lexical MATCH ?"
        return int(self._db.execute(sql, (f'"{word}"',)).fetchone()[0])
