"""Terms of texts and of queries: stems in lower case, without diacritics, as SQLite's full-text search makes them.

SQLite's tokenizer ``unicode61`` with Porter's stemmer is used through a full-text table in memory, so that queries,
new indexes and the indexes of earlier versions, which are such tables, have the same terms. It knows letters and digits
only; signs that stand alone, such as ``?`` in "the ? operator", are made words before.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.text import FUNCTION_WORDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FTS5_TOKENIZER = "porter unicode61 remove_diacritics 2"

TERMS_VERSION = "2"
"""Raise it whenever the same text gives other terms: the next update of an index then inverts its chunks anew."""

_SIGNS = re.compile(
    r"(?<![^\s`'\"“‘(\[])(?:[!#$%*<=>?@\\^|~]|(?!--|\.\.+(?![^\s.]))[!#$%&*+./:<=>?@\\^|~-]{2,3})(?![^\s`'\"”’)\],;.])"
    r"|(?<![\w*+#])[A-Za-z](?:\+\+|\#)(?![\w+#])"
)
"""A sign between white space, quotation marks or brackets, and the names of languages that end with one (C++, C#).

Those that join words in prose (``& + / - :``) and dots alone are none: of 49 such places in 13 collections 8 are
operators or code. Of 89 places that match, in 12 collections, 60 are operators, relations, comments or commands and
5 percent signs; the others are bullets, rules, separators and, 8 of them, damage or quotations of a scanned report.
"""

_STOP_WORDS = FUNCTION_WORDS | {"any", "not"}
_MAX_WORDS = 64


def query_words(query: str) -> list[str]:
    """Return the distinct words of ``query`` that are searched for: letters and digits, in lower case, at most 64.

    Stop words are left out unless there is nothing else, and a mark at the end, which is punctuation.
    """
    words = dict.fromkeys(re.findall(r"[^\W_]+", with_signs(query.rstrip(" ?!:")).lower()))
    return ([word for word in words if word not in _STOP_WORDS] or list(words))[:_MAX_WORDS]


def with_signs(text: str) -> str:
    """Return ``text`` with each sign that stands alone as a word of letters and digits: "?" as ``sign3f``.

    Of 21 questions about operators, over the PEPs and Rust's RFCs, hybrid search had the document that introduces the
    operator among 40 passages for 16 without these words, and has it for 19 with them (reciprocal rank .43 and .51).
    """
    return _SIGNS.sub(lambda found: f" sign{found[0].lower().encode().hex()} ", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inversion:
    """The terms of some texts, each with the texts that have it.

    The texts of ``terms[i]`` are ``texts[starts[i] : starts[i + 1]]``, ascending positions in what was inverted, and
    ``counts`` has its occurrences in each.
    """

    terms: list[str]
    """Sorted by code points."""

    starts: NDArray[np.int64]
    texts: NDArray[np.int64]
    counts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    """Number of terms of each text, repetitions included."""


class Analyzer:
    """Finds the terms of texts; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._db.execute(f"CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', tokenize = '{FTS5_TOKENIZER}')")
        self._db.execute("CREATE VIRTUAL TABLE instances USING fts5vocab (texts, instance)")

    def terms_of(self, texts: Sequence[str]) -> list[str]:
        """Return the terms of ``texts`` in their order, with repetitions."""
        rows = self._select("SELECT term FROM instances ORDER BY doc, offset", texts)
        return [term for (term,) in rows]

    def invert(self, texts: Sequence[str]) -> Inversion:
        """Return the terms of ``texts`` with their occurrences."""
        import numpy as np

        rows = self._select(
            "SELECT term, group_concat(doc, ' ') FROM instances GROUP BY term ORDER BY term",
            [with_signs(text) for text in texts],
        )
        occurrences = np.array([found.count(" ") + 1 for _, found in rows], dtype=np.int64)
        positions = np.fromstring(" ".join(found for _, found in rows), dtype=np.int64, sep=" ")
        # One integer for a term and a text, so that one call counts them all.
        pairs, counts = np.unique(
            np.repeat(np.arange(len(rows)), occurrences) * len(texts) + positions, return_counts=True
        )
        return Inversion(
            terms=[term for term, _ in rows],
            starts=np.searchsorted(pairs, np.arange(len(rows) + 1) * len(texts)),
            texts=pairs % max(1, len(texts)),
            counts=counts,
            lengths=np.bincount(positions, minlength=len(texts)),
        )

    def _select(self, sql: str, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the rows that ``sql`` selects while the tables have ``texts`` alone."""
        with self._lock:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(texts))
            self._db.execute("COMMIT")
            rows = self._db.execute(sql).fetchall()
            self._db.execute("INSERT INTO texts (texts) VALUES ('delete-all')")
        return rows


@lru_cache(maxsize=1)
def analyzer() -> Analyzer:
    """Return the analyzer of this process."""
    return Analyzer()
