"""Zip archives (DOCX, PPTX, EPUB), opened with bounds: what unpacks to too much is refused unread."""

from __future__ import annotations

import io
import zipfile

from rag.errors import ReadError

MAX_UNPACKED = 512 * 1024 * 1024
"""Bytes that an archive may hold in all, images included."""
MAX_RATIO = 200
"""How many times an entry over 1 MB may be larger than its packed form. Text packs about five to one."""
MAX_ENTRIES = 20_000


def open_archive(data: bytes, kind: str) -> zipfile.ZipFile:
    """The archive in ``data``, its sizes checked before anything is unpacked.

    Raises:
        ReadError: it is no zip or a truncated one, is encrypted, or unpacks to too much; the message says ``kind``.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError):
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


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of ``name``, never more than its directory entry announced.

    Raises:
        ReadError: there is no such entry, or it is damaged.
    """
    try:
        with archive.open(name) as file:
            return file.read(archive.getinfo(name).file_size + 1)
    except KeyError:
        raise ReadError(f"damaged: {name} is missing") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise ReadError(f"damaged: {name} cannot be unpacked ({error})") from None
