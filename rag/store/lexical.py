"""The lexical index of a catalogue: BM25 over inverted lists in the tables of the catalogue itself.

As it is part of the catalogue's file, a commit or a kill leaves both as they were or both as they are to be. SQLite's
own full-text search takes 0.6 to 1.3 ms for each thousand chunks, this index 0.02: it scores a term's chunks by one
operation on an array where FTS5 computes row by row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from rag.store.segments import SEGMENTS_SCHEMA, Segment, Segments
from rag.store.terms import analyzer, query_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BM25Parameters:
    """The constants of BM25 (Robertson & Zaragoza, 2009), those of FTS5."""

    k1: float = 1.2
    b: float = 0.75
    min_idf: float = 1e-6
    """Weight of a term that half of the chunks or more have, so that a match scores above 0."""


_PARAMETERS = BM25Parameters()

PENDING_CHUNKS = 8192
"""Chunks that are inverted at once: 7 MB of text, and 60 MB while they are inverted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statistics:
    """All chunks of the index, segment after segment; arrays have one entry a chunk."""

    first: dict[int, int]
    """The position of the first chunk of each segment, by segment id."""

    numbers: NDArray[np.int64]
    penalty: NDArray[np.float64]
    """What BM25 adds to a term's count in the denominator, by the chunk's length; infinite for a deleted chunk."""

    live: int
    """Number of chunks that are not deleted."""


class LexicalIndex:
    """The lexical index in ``db``. ``cached`` is :meth:`rag.store.catalogue.Catalogue.cached`."""

    def __init__(self, db: sqlite3.Connection, cached: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._db = db
        self._cached = cached
        self._segments = Segments(db)
        self._added: dict[int, str] = {}
        self._deleted: set[int] = set()

    def create(self) -> None:
        """Create the tables if they are missing."""
        for statement in SEGMENTS_SCHEMA:
            self._db.execute(statement)

    def clear(self) -> None:
        """Delete all chunks."""
        self.discard()
        self._segments.clear()

    def add(self, number: int, text: str) -> None:
        """Add the chunk with this number in the catalogue; :meth:`flush` writes it."""
        self._added[number] = text
        if len(self._added) >= PENDING_CHUNKS:
            self.flush()

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete chunks by their numbers in the catalogue; :meth:`flush` writes that."""
        for number in numbers:
            if self._added.pop(number, None) is None:
                self._deleted.add(number)

    def flush(self) -> None:
        """Write what was added and deleted."""
        if self._deleted:
            self._segments.delete(sorted(self._deleted))
        if self._added:
            self._segments.add(list(self._added), analyzer().invert(list(self._added.values())))
        if self._added or self._deleted:
            self._segments.merge()
        self.discard()

    def discard(self) -> None:
        """Forget what was added and deleted since :meth:`flush`."""
        self._added.clear()
        self._deleted.clear()

    def search(self, query: str, k: int, allowed: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """Return the numbers of the ``k`` best chunks with their scores, which are above 0.

        Scores are BM25 over Porter stems; equal scores are ordered by number.

        Args:
            allowed: the numbers of the chunks that may be returned; None for all.
        """
        import numpy as np

        statistics = self._statistics()
        terms = analyzer().terms_of(query_words(query))
        if not terms or not statistics.live:
            return []
        postings = self._segments.postings(terms, statistics.first)
        scores = np.zeros(len(statistics.numbers))
        # In the order of the query, a stem that two of its words have twice, as FTS5 adds.
        matched = [_add_scores(scores, postings[term], statistics) for term in terms if term in postings]
        if allowed is not None:
            scores[~np.isin(statistics.numbers, np.array(allowed, dtype=np.int64))] = 0
        found = np.flatnonzero(scores > 0 if (least := _least_score(scores, matched, k)) == 0 else scores >= least)
        if len(found) > k:
            found = found[scores[found] >= np.partition(scores[found], -k)[-k]]
        order = found[np.lexsort((statistics.numbers[found], -scores[found]))][:k]
        return list(zip(statistics.numbers[order].tolist(), scores[order].tolist(), strict=True))

    def frequency(self, word: str) -> int:
        """Return the number of chunks that have ``word``, which is letters only, or another word of the same stem."""
        import numpy as np

        statistics = self._statistics()
        terms = analyzer().terms_of([word])
        found = self._segments.postings(terms, statistics.first) if statistics.first else {}
        rows = [_positions(found[term], statistics) for term in terms if term in found]
        return int(np.isfinite(statistics.penalty[np.concatenate(rows)]).sum()) if rows else 0

    def _statistics(self) -> _Statistics:
        if self._db.in_transaction:
            self.flush()
        found: _Statistics = self._cached("lexical", self._read_statistics)
        return found

    def _read_statistics(self) -> _Statistics:
        import numpy as np

        exists = self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'segments'").fetchone()
        segments: list[Segment] = self._segments.read() if exists else []
        lengths = np.concatenate([np.empty(0, "<i4"), *(segment.lengths for segment in segments)])
        live = np.concatenate([np.empty(0, bool), *(segment.live for segment in segments)])
        mean = max(1, lengths[live].sum()) / max(1, live.sum())
        k1, b = _PARAMETERS.k1, _PARAMETERS.b
        starts = np.cumsum([0, *(len(segment.numbers) for segment in segments)]).tolist()
        return _Statistics(
            first={segment.id: start for segment, start in zip(segments, starts, strict=False)},
            numbers=np.concatenate([np.empty(0, "<i8"), *(segment.numbers for segment in segments)]),
            penalty=np.where(live, k1 * (1 - b + b * lengths / mean), np.inf),
            live=int(live.sum()),
        )


def _positions(postings: Sequence[tuple[int, NDArray[Any]]], statistics: _Statistics) -> NDArray[np.int64]:
    import numpy as np

    return np.concatenate([found["chunk"] + np.int64(statistics.first[segment]) for segment, found in postings])


def _add_scores(
    scores: NDArray[np.float64], postings: Sequence[tuple[int, NDArray[Any]]], statistics: _Statistics
) -> NDArray[np.int64]:
    """Add BM25's weights of a term with these postings to ``scores``; return the positions of its chunks."""
    import numpy as np

    positions = _positions(postings, statistics)
    weights = np.concatenate([found["count"] for _, found in postings]).astype(np.float64)
    denominators = statistics.penalty.take(positions)
    # A deleted chunk has an infinite penalty: it is not counted, and its weight is 0.
    having = len(positions) if statistics.live == len(scores) else int(np.isfinite(denominators).sum())
    idf = max(_PARAMETERS.min_idf, log((statistics.live - having + 0.5) / (having + 0.5)))
    denominators += weights  # in place: new arrays of this size cost more than the arithmetic
    weights *= _PARAMETERS.k1 + 1
    weights /= denominators
    weights *= idf
    weights += scores.take(positions)
    scores[positions] = weights
    return positions


def _least_score(scores: NDArray[np.float64], matched: Sequence[NDArray[np.int64]], k: int) -> float:
    """Return a score that at least ``k`` chunks reach, or 0: the ``k``-th best among the chunks of a rare term.

    It leaves few chunks to be sorted, where most chunks have a common word of the query.
    """
    import numpy as np

    for positions in sorted(matched, key=len):
        if len(positions) >= k:
            return float(np.partition(scores[positions], -k)[-k])
    return 0.0
