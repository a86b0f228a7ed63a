"""Find the passages that a reader of others needs beside them, whatever the question: no search returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.ingest.header import opens_with_fields
from rag.types import Chunk

if TYPE_CHECKING:
    from rag.store import Index


def companions(index: Index, chunks: Sequence[Chunk]) -> dict[str, tuple[Chunk, ...]]:
    """Return the passages that a reader of each of ``chunks`` needs beside it, by its id.

    They are the opening of its document, if that has fields such as a status, an author or a date, and below the same
    headings the passages directly before it, which may have its reason or year, and behind it, which may limit or take
    back what it says.
    """
    openings = {}
    for document_id in dict.fromkeys(chunk.document_id for chunk in chunks):
        opening = index.catalogue.first_chunk(document_id)
        openings[document_id] = opening if opening and opens_with_fields(opening.text) else None
    found = {}
    for chunk in chunks:
        near = [each for each in index.catalogue.neighbours(chunk) if _is_same_part(each, chunk)]
        beside = [openings[chunk.document_id], *near]
        found[chunk.id] = tuple({each.id: each for each in beside if each and each.id != chunk.id}.values())
    return found


def _is_same_part(one: Chunk, other: Chunk) -> bool:
    return (one.heading_path, one.columns) == (other.heading_path, other.columns)
