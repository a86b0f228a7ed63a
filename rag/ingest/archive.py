"""Open zip archives (DOCX, PPTX, EPUB) and refuse zip bombs before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from rag.errors import ReadError
from rag.ingest.dates import iso_date

DAMAGE = (
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    SyntaxError,  # lxml's XMLSyntaxError is one
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What python-docx and python-pptx raise at damaged files, beside errors of their own."""

MAX_UNPACKED = 512 * 1024 * 1024
"""Maximum unpacked size of an archive in bytes, images included."""
MAX_RATIO = 200
"""Maximum compression ratio of an entry larger than 1 MB. Text compresses about five to one."""
MAX_ENTRIES = 20_000
"""Maximum number of entries in an archive."""


def open_archive(data: bytes, kind: str) -> zipfile.ZipFile:
    """Open the zip archive in ``data`` after checking the sizes that its directory declares.

    Args:
        kind: the name of the expected format, for error messages.

    Raises:
        ReadError: the archive is damaged, encrypted or unpacks to too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        if data.startswith(b"\xd0\xcf\x11\xe0"):
            raise ReadError(f"an encrypted or old binary Office file, not {kind}") from None
        raise ReadError(f"a truncated or damaged file, not {kind} (no zip directory)") from None
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise ReadError(
            f"refused as a zip bomb: it unpacks to more than {MAX_UNPACKED / 1e6:,.0f} MB or {MAX_ENTRIES:,} files"
        )
    for entry in entries:
        if entry.file_size > 1 << 20 and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise ReadError(f"refused as a zip bomb: {entry.filename} unpacks to {entry.file_size / 1e6:,.0f} MB")
        if entry.flag_bits & 1:
            raise ReadError(f"encrypted: {entry.filename} needs a password")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the bytes of entry ``name``, at most one byte more than its directory entry declares.

    Raises:
        ReadError: the entry is missing or damaged.
    """
    try:
        with archive.open(name) as file:
            return file.read(archive.getinfo(name).file_size + 1)
    except KeyError:
        raise ReadError(f"damaged: {name} is missing") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise ReadError(f"damaged: {name} cannot be unpacked ({error})") from None


def core_properties(document: Any) -> tuple[str | None, str | None]:
    """Return the title and the date of creation in the properties of a document of python-docx or python-pptx.

    If they are damaged, it has none.
    """
    try:
        properties = document.core_properties
        title, created = properties.title, properties.created
    except DAMAGE:
        return None, None
    return title or None, iso_date(created.date().isoformat()) if created else None
