"""Read chunks from the rows of the catalogue."""

from __future__ import annotations

import json
import sqlite3
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
    id_, document_id, text, start, end, place, first, last, title, source, date, *_ = row
    path, items, columns = _read_place(place)
    return Chunk(
        id=id_,
        document_id=document_id,
        text=text,
        start=start,
        end=end,
        heading_path=path,
        pages=None if first is None else (first, last),
        title=title,
        source=source,
        date=date,
        items=items,
        columns=columns,
    )


def select_chunks(db: sqlite3.Connection, condition: str, *values: object) -> list[Chunk]:
    """Return the chunks of ``db`` that meet ``condition``, which is SQL after :data:`SELECT_CHUNK`."""
    return [make_chunk(row) for row in db.execute(SELECT_CHUNK + condition, values)]


def place_json(chunk: Chunk) -> str:
    """Return the headings and items above ``chunk``, and the header of its table, as the catalogue stores them.

    Headings alone are an array, as in catalogues from before tables had headers.
    """
    path = list(chunk.heading_path)
    more: dict[str, Any] = {"items": chunk.items} if chunk.items else {}
    more |= {"columns": chunk.columns} if chunk.columns else {}
    return json.dumps({"path": path, **more} if more else path, ensure_ascii=False)


@lru_cache(maxsize=4096)
def _read_place(stored: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return headings, items and header of a table. Many chunks have the same; parsing is a third of a chunk."""
    place = json.loads(stored)
    if not isinstance(place, dict):
        return tuple(place), (), ""
    return tuple(place["path"]), tuple(place.get("items", ())), str(place.get("columns", ""))


def searched_text(chunk: Chunk) -> str:
    """Return the text of ``chunk`` in which the words of a query are searched for."""
    return f"{chunk.context}\n{chunk.text}"
