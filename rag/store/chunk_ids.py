"""Find chunks by their id, of this version or an earlier one, and ids that two chunks would share."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from rag._internal.ids import earlier_id, valid_ids
from rag.store.chunk_rows import select_chunks
from rag.types import Chunk


def chunks_with_id(db: sqlite3.Connection, id_: str) -> list[Chunk]:
    """Return the chunk with the id ``id_``; if there is none, those that have it by another version's rule.

    An index of an earlier version has shorter ids until it is updated, and so have the briefs written from it. Two
    chunks can have the same shorter id.
    """
    if exact := select_chunks(db, "WHERE c.id = ?", id_):
        return exact
    short = earlier_id(id_)
    alike = select_chunks(db, "WHERE c.id >= ? AND c.id < ? ORDER BY c.id", short, f"{short}g")  # g: after all digits
    return [chunk for chunk in alike if id_ in valid_ids(chunk)]


def owner_of_ids(db: sqlite3.Connection, chunks: Sequence[tuple[Chunk, str]]) -> str | None:
    """Return the id of a document that has the id of one of the ``(chunk, record id)`` pairs, or None.

    This is their own document if two of ``chunks`` have the same id.
    """
    ids, records = {chunk.id for chunk, _ in chunks}, {record for _, record in chunks}
    if min(len(ids), len(records)) < len(chunks):
        return chunks[0][0].document_id
    row = db.execute(
        "SELECT document_id FROM chunks WHERE id IN (SELECT value FROM json_each(?)) "
        "UNION ALL SELECT document_id FROM chunks WHERE record IN (SELECT value FROM json_each(?)) LIMIT 1",
        (json.dumps(list(ids)), json.dumps(list(records))),
    ).fetchone()
    return None if row is None else str(row[0])
