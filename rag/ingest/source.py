"""What is to be read, and how it is told that it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

EXTRACTOR_VERSION = "1"
"""Raise it whenever extraction changes what it gives: it is part of every digest, so all is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file or page that can be read.

    ``id`` is the path relative to the folder indexed (posix), a single file's name, or the URL;
    ``location`` is the path or URL to open; ``root`` the folder, file, glob or URL it was found
    under, paths resolved; ``digest`` is SHA-256 in hex over :data:`EXTRACTOR_VERSION` and the bytes.
    ``data`` and ``content_type`` are what a URL gave, so that it is fetched once.
    """

    id: str
    location: str
    root: str
    digest: str
    data: bytes | None = field(default=None, repr=False, compare=False)
    content_type: str = field(default="", repr=False, compare=False)


def digest(pieces: Iterable[bytes]) -> str:
    """SHA-256 in hex over :data:`EXTRACTOR_VERSION` and ``pieces``."""
    found = hashlib.sha256(f"citebrief extractor {EXTRACTOR_VERSION}\0".encode())
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()
