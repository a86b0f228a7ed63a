"""Read chunks from the rows of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rag.types import Chunk

SELECT_CHUNK = (
    'SELECT c.id, c.document_id, c.text, c.start, c."end", c.heading_path, c.first_page, c.last_page, d.title, '
    "d.source, d.date, c.record, c.number FROM chunks c JOIN documents d ON d.id = c.document_id "
)
"""Selects what :func:`make_chunk` reads, and at the end the record id and the number; a condition may follow."""


def make_chunk(row: Sequence[Any]) -> Chunk:
    """Return the chunk in a row of :data:`SELECT_CHUNK`."""
    id_, document_id, text, start, end, path, first, last, title, source, date, *_ = row
    return Chunk(
        id=id_,
        document_id=document_id,
        text=text,
        start=start,
        end=end,
        heading_path=_heading_path(path),
        pages=None if first is None else (first, last),
        title=title,
        source=source,
        date=date,
    )


@lru_cache(maxsize=4096)
def _heading_path(path: str) -> tuple[str, ...]:
    """Return the headings of a row. Chunks below one heading have the same; parsing is a third of making a chunk."""
    return tuple(json.loads(path))


def searched_text(chunk: Chunk) -> str:
    """Return the text of ``chunk`` in which the words of a query are searched for."""
    return f"{chunk.context}\n{chunk.text}"
