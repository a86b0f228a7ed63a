"""Segments of the lexical index: the inverted lists of consecutively added chunks, in SQLite.

A segment has at most 65,536 chunks, numbered within it. A list is a blob of 3 bytes for each chunk that has the term.
Deleted chunks stay in the lists and are marked by their length until their segment is merged with another one. The
segments are merged as in a log-structured merge tree (O'Neil et al., Acta Informatica 1996), so that their number grows
with the logarithm of the number of runs, and a run that adds few chunks writes little.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.store.terms import Inversion

SEGMENTS_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS segments (id INTEGER PRIMARY KEY, numbers BLOB NOT NULL, lengths BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS postings (segment INTEGER NOT NULL, term TEXT NOT NULL, chunks BLOB NOT NULL, "
    "PRIMARY KEY (segment, term)) WITHOUT ROWID",
)

MAX_CHUNKS = 1 << 16
"""Chunks of a segment: their numbers within it have two bytes."""

MIN_RATIO = 2
"""A segment that has less than this many times the chunks of the next one is merged with it."""

_POSTING = [("chunk", "<u2"), ("count", "u1")]
_MAX_COUNT = 255
"""A word that a chunk repeats more often, which BM25 hardly tells from this, is stored so."""

_DELETED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The chunks of a segment: their numbers in the catalogue, and their lengths in terms, -1 if deleted."""

    id: int
    numbers: NDArray[np.int64]
    lengths: NDArray[np.int32]

    @property
    def live(self) -> NDArray[np.bool_]:
        """Which of the chunks are not deleted."""
        found: NDArray[np.bool_] = self.lengths != _DELETED
        return found


class Segments:
    """The segments in ``db``, which has the tables of :data:`SEGMENTS_SCHEMA`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def read(self) -> list[Segment]:
        """Return all segments, oldest first."""
        import numpy as np

        return [
            Segment(id=id_, numbers=np.frombuffer(numbers, "<i8"), lengths=np.frombuffer(lengths, "<i4"))
            for id_, numbers, lengths in self._db.execute("SELECT id, numbers, lengths FROM segments ORDER BY id")
        ]

    def postings(self, terms: Iterable[str], segments: Iterable[int]) -> dict[str, list[tuple[int, NDArray[Any]]]]:
        """Return the ``(segment id, postings)`` of each of ``terms`` that is there.

        Postings are an array with the fields ``chunk``, the position in the segment, and ``count``.
        """
        import numpy as np

        wanted = list(dict.fromkeys(terms))
        sql = (
            f"SELECT term, segment, chunks FROM postings WHERE segment IN ({','.join(map(str, segments))}) "
            f"AND term IN ({','.join('?' * len(wanted))})"
        )
        found: dict[str, list[tuple[int, NDArray[Any]]]] = {}
        for term, segment, chunks in self._db.execute(sql, wanted):
            found.setdefault(term, []).append((segment, np.frombuffer(chunks, _POSTING)))
        return found

    def clear(self) -> None:
        """Delete all segments."""
        self._db.execute("DELETE FROM postings")
        self._db.execute("DELETE FROM segments")

    def delete(self, numbers: Sequence[int]) -> None:
        """Mark the chunks with these numbers in the catalogue as deleted."""
        import numpy as np

        for segment in self.read():
            gone = np.isin(segment.numbers, np.array(numbers)) & segment.live
            if gone.any():
                lengths = np.where(gone, _DELETED, segment.lengths).astype("<i4")
                self._db.execute("UPDATE segments SET lengths = ? WHERE id = ?", (lengths.tobytes(), segment.id))

    def add(self, numbers: Sequence[int], inversion: Inversion) -> None:
        """Write chunks of these numbers, at most :data:`MAX_CHUNKS`, as a new segment."""
        import numpy as np

        postings = np.empty(len(inversion.texts), _POSTING)
        postings["chunk"] = inversion.texts
        postings["count"] = np.minimum(inversion.counts, _MAX_COUNT)
        data, width = postings.tobytes(), postings.itemsize
        lists = {
            term: data[width * start : width * end]
            for term, (start, end) in zip(inversion.terms, pairwise(inversion.starts.tolist()), strict=True)
        }
        self._write(np.array(numbers), inversion.lengths, lists)

    def merge(self) -> None:
        """Merge the newest segments while they are too many for their sizes, and those that are mostly deleted."""
        for segment in self.read():
            if 2 * segment.live.sum() < len(segment.numbers):
                self._replace([segment])
        while len(newest := self.read()[-2:]) == 2:
            older, newer = (int(segment.live.sum()) for segment in newest)
            if older >= MIN_RATIO * newer or older + newer > MAX_CHUNKS:
                return
            self._replace(newest)

    def _replace(self, merged: Sequence[Segment]) -> None:
        """Replace the segments ``merged`` by one with their live chunks."""
        import numpy as np

        lists: dict[str, bytes] = {}
        first = 0
        for segment in merged:
            for term, data in self._live_lists(segment, first):
                lists[term] = lists.get(term, b"") + data
            first += int(segment.live.sum())
        for segment in merged:
            self._db.execute("DELETE FROM postings WHERE segment = ?", (segment.id,))
            self._db.execute("DELETE FROM segments WHERE id = ?", (segment.id,))
        if first:
            numbers = np.concatenate([segment.numbers[segment.live] for segment in merged])
            self._write(numbers, np.concatenate([segment.lengths[segment.live] for segment in merged]), lists)

    def _live_lists(self, segment: Segment, first: int) -> Iterable[tuple[str, bytes]]:
        """Return the terms of a segment and their lists of live chunks, which are numbered from ``first`` on."""
        import numpy as np

        sql = "SELECT term, chunks FROM postings WHERE segment = ? ORDER BY term"
        rows = self._db.execute(sql, (segment.id,)).fetchall()
        postings = np.frombuffer(b"".join(chunks for _, chunks in rows), _POSTING).copy()
        width = postings.itemsize
        starts = np.cumsum([0, *(len(chunks) // width for _, chunks in rows)])
        live = segment.live[postings["chunk"]]
        kept = np.concatenate([[0], np.cumsum(live)])[starts].tolist()
        postings["chunk"] = (np.cumsum(segment.live) - 1 + first)[postings["chunk"]]
        data = postings[live].tobytes()
        for (term, _), (start, end) in zip(rows, pairwise(kept), strict=True):
            if start < end:
                yield term, data[width * start : width * end]

    def _write(self, numbers: NDArray[Any], lengths: NDArray[Any], lists: dict[str, bytes]) -> None:
        values = (numbers.astype("<i8").tobytes(), lengths.astype("<i4").tobytes())
        (newest,) = self._db.execute("SELECT coalesce(max(id), 0) FROM segments").fetchone()
        self._db.execute("INSERT INTO segments VALUES (?, ?, ?)", (newest + 1, *values))
        rows = ((newest + 1, term, lists[term]) for term in sorted(lists))  # in the order of the key: appended
        self._db.executemany("INSERT INTO postings VALUES (?, ?, ?)", rows)
