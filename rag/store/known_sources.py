"""Which source of the catalogue a file is, however its path is spelled, its folder moved, or its name used twice."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from rag.ingest import Source, base_of
from rag.store.catalogue import SourceRow
from rag.types import Skipped


class KnownSources:
    """The sources ``rows`` of the catalogue at the beginning of a run, and those that the run adds."""

    def __init__(self, rows: dict[str, SourceRow]) -> None:
        self.rows = rows
        self._sorted_ids = sorted(rows)

    def with_own_id(self, source: Source) -> Source:
        """Return ``source``, with the names of folders above it in its id as long as another file has the same id.

        Ids are relative to the folder that is indexed, so that files of two parents can have the same. A file that has
        moved, or that has the same bytes, keeps its id.
        """
        for id_ in _ids(source):
            row = self.rows.get(id_)
            if row is None or row.digest == source.digest or not other_file_exists(source, row):
                return source if id_ == source.id else replace(source, id=id_)
        return source

    def sources_of(self, skipped: Skipped) -> set[str]:
        """Return the ids that the catalogue has of a skipped file, or of the files in a skipped folder."""
        if skipped.id is None:
            return set()
        if not skipped.id:
            return {row.id for row in self.rows.values() if row.root == skipped.root}
        source = Source(id=skipped.id, location=skipped.path, root=skipped.root, digest="unread")
        found = {self.with_own_id(source).id} & self.rows.keys()
        for id_ in _ids(source):
            found |= {below for below in self._ids_below(id_) if self.rows[below].root == skipped.root}
        return found

    def _ids_below(self, directory: str) -> list[str]:
        """Return the ids in ``directory``; by bisection, because a corpus may have many files that are skipped."""
        ids = self._sorted_ids
        return ids[bisect_left(ids, f"{directory}/") : bisect_left(ids, f"{directory}0")]  # "0" comes after "/"


def _ids(source: Source) -> Iterator[str]:
    """Yield the ids that ``source`` may have: its own, and those with more and more names of the folders above it."""
    parents = base_of(source.root).parts[1:]
    for depth in range(len(parents) + 1):
        yield "/".join((*parents[len(parents) - depth :], source.id))


def other_file_exists(source: Source, row: SourceRow) -> bool:
    """Whether ``row`` is of another file than ``source``, and that file still exists."""
    if row.root == source.root:
        return False
    places = (str(base_of(row.root) / row.id), row.location)
    # Path.is_file raises where access is denied.
    found = next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113
    return found is not None and os.path.realpath(found) != os.path.realpath(source.path or source.location)
