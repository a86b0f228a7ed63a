"""A file or page that can be read, with a digest that tells whether it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

EXTRACTOR_VERSION = "3"
"""Part of every digest. Raise it whenever extraction gives other text, so that every source is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file or page that can be read.

    Attributes:
        id: the path relative to the indexed directory (with ``/``), the name of a single file, or the URL.
        location: the path or URL to open.
        root: the directory, file, glob or URL under which it was found, paths resolved.
        digest: SHA-256 in hex over :data:`EXTRACTOR_VERSION` and the bytes.
        data: the bytes of a URL, kept so that it is fetched once; None for a file.
        content_type: the ``Content-Type`` of a URL.
    """

    id: str
    location: str
    root: str
    digest: str
    data: bytes | None = field(default=None, repr=False, compare=False)
    content_type: str = field(default="", repr=False, compare=False)


def source_digest(pieces: Iterable[bytes]) -> str:
    """Return SHA-256 in hex over :data:`EXTRACTOR_VERSION` and ``pieces``."""
    state = hashlib.sha256(f"citebrief extractor {EXTRACTOR_VERSION}\0".encode())
    for piece in pieces:
        state.update(piece)
    return state.hexdigest()
