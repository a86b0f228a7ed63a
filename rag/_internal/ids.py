"""The ids of chunks: a readable name of the document, and a hash by which an id shows whether it is made up."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.types import Chunk

_DIGITS = 12
"""Hexadecimal digits of the hash in an id. Two of 100,000 chunks have the same 8 with a probability of 69 %, the same
12 with one of 0.002 %; the name before the hash may be the same for all of them."""

_EARLIER_DIGITS = 8
"""Digits of the ids in indexes and briefs of earlier versions."""

CHUNK_ID = re.compile(
    rf"\b[a-z0-9]+(?:-[a-z0-9]+)*\.[0-9a-f]{{{_EARLIER_DIGITS}}}(?:[0-9a-f]{{{_DIGITS - _EARLIER_DIGITS}}})?\b"
)
"""A chunk's id in a text."""


def slug(name: str, limit: int = 48) -> str:
    """Return ``name`` as lower-case ASCII words joined by hyphens, at most ``limit`` characters long."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:limit].strip("-") or "document"


def chunk_id(document_id: str, start: int, text: str) -> str:
    """Return the id of the chunk ``text`` that begins at offset ``start`` of the document ``document_id``.

    Indexing the same text at the same offset again gives the same id, and recomputing an id shows whether it is
    genuine or made up.
    """
    digest = hashlib.sha256(f"{document_id}\0{start}\0{text}".encode()).hexdigest()[:_DIGITS]
    return f"{slug(document_id)}.{digest}"


def earlier_id(id_: str) -> str:
    """Return the shorter id that earlier versions gave the chunk ``id_``. It is the beginning of the longer one."""
    name, _, digest = id_.rpartition(".")
    return f"{name}.{digest[:_EARLIER_DIGITS]}"


def valid_ids(chunk: Chunk) -> tuple[str, str]:
    """Return the id that ``chunk`` has by its place and text, and the one that it had in earlier versions."""
    id_ = chunk_id(chunk.document_id, chunk.start, chunk.text)
    return id_, earlier_id(id_)


def is_genuine(chunk: Chunk) -> bool:
    """Whether the id of ``chunk`` is one of its :func:`valid_ids`."""
    return chunk.id in valid_ids(chunk)
