"""A file or page that can be read, with a digest that tells whether it has changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from rag.ingest.formats import suffix_of

EXTRACTOR_VERSION = "16"
"""Part of every digest. Raise it whenever extraction gives other text, so that every source is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file or page that can be read.

    Attributes:
        id: the path relative to the indexed directory (with ``/``), the name of a single file, or the URL.
        location: the path or URL, in characters that can be printed and stored.
        root: the directory, file, glob or URL under which it was found, paths resolved.
        digest: SHA-256 in hex over :data:`EXTRACTOR_VERSION` and the bytes.
        data: the bytes of a URL, kept so that it is fetched once; None for a file.
        suffix: the suffix that selects the reader, in lower case; for a URL that of what the server sent.
        charset: the encoding that the server names; empty for a file.
        path: the path to open, where ``location`` cannot be opened because the name is not UTF-8; else empty.
        ocr: whether pages without text are read by OCR.
    """

    id: str
    location: str
    root: str
    digest: str
    data: bytes | None = field(default=None, repr=False, compare=False)
    suffix: str = field(default="", repr=False, compare=False)
    charset: str = field(default="", repr=False, compare=False)
    path: str = field(default="", repr=False, compare=False)
    ocr: bool = field(default=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.suffix:
            object.__setattr__(self, "suffix", suffix_of(self.location))


def with_ocr(source: Source) -> Source:
    """Return ``source`` to be read with OCR; its digest is another, so that a file that was read without is read again.

    Only a PDF has pages without text.
    """
    if source.ocr or source.suffix != ".pdf":
        return source
    return replace(source, ocr=True, digest=f"{source.digest}+ocr")


def source_digest(pieces: Iterable[bytes]) -> str:
    """Return SHA-256 in hex over :data:`EXTRACTOR_VERSION` and ``pieces``."""
    state = hashlib.sha256(f"citebrief extractor {EXTRACTOR_VERSION}\0".encode())
    for piece in pieces:
        state.update(piece)
    return state.hexdigest()


def printable_path(path: str) -> str:
    """Return ``path`` with each name that is not UTF-8 decoded as Windows-1252, so that it can be printed and stored.

    Python gives bytes of such names as lone surrogates, which neither UTF-8 nor SQLite can hold.
    """
    return "/".join(_printable_name(name) for name in path.split("/"))


def _printable_name(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("cp1252", "replace")
    return name
