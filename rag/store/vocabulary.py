"""The words of the documents as they write them, to find what a misspelt word of a query stands for.

The lexical index has stems only, from which a word cannot be told. Words of documents that were removed stay in the
list; :meth:`Vocabulary.has` looks a word up in the lexical index itself.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable

WORDS_SCHEMA = "CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY) WITHOUT ROWID;"

_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{4,30}(?![^\W_])")
"""Shorter words have too many neighbours; longer ones are no words of a language."""


class Vocabulary:
    """The words in the table ``words`` of ``db``; ``frequency`` is the lexical index's."""

    def __init__(self, db: sqlite3.Connection, frequency: Callable[[str], int]) -> None:
        self._db = db
        self._frequency = frequency

    def add(self, texts: Iterable[str]) -> None:
        """Add the words of ``texts``, each spelling with its capitals."""
        words = {word for text in texts for word in _WORD.findall(text)}
        self._db.executemany("INSERT OR IGNORE INTO words VALUES (?)", ((word,) for word in words))

    def has_spelling(self, word: str) -> bool:
        """Whether a document has, or had, ``word`` as it is, in lower case or with a capital."""
        sql = "SELECT 1 FROM words WHERE word IN (?, ?, ?) LIMIT 1"
        return self._db.execute(sql, (word, word.lower(), word.capitalize())).fetchone() is not None

    def has(self, word: str) -> bool:
        """Whether a chunk has ``word``, which is letters only, or another word of the same stem."""
        return self._frequency(word) > 0

    def count(self, word: str) -> int:
        """Return the number of chunks that have ``word``, which is letters only, or another word of the same stem."""
        return self._frequency(word)

    def words(self) -> list[str]:
        """Return every word of four letters or more, in the order of code points."""
        return [word for (word,) in self._db.execute("SELECT word FROM words ORDER BY word")]
