"""Write files atomically: readers, also after a crash, find the old content or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from rag.errors import CitebriefError

TEMPORARY = ".citebrief-*.tmp"
"""Glob of the temporary files that a killed write leaves beside its target; safe to remove while nobody writes."""


def write_atomically(path: str | Path, data: str | bytes) -> None:
    """Write ``data`` (text as UTF-8, line ends unchanged) to ``path`` atomically.

    The data is written to a temporary file in the same directory, flushed to the disk and renamed. An existing file
    keeps its permissions; of a symbolic link the target is replaced. A pipe or device is written to directly, because
    it cannot be replaced.

    Raises:
        CitebriefError: the directory is missing or not writable, the disk is full, or ``path`` is a directory. An
            existing file is unchanged.
    """
    try:
        content = data.encode() if isinstance(data, str) else data
        target = Path(os.path.realpath(path))
        if _is_pipe_or_device(Path(path)):
            Path(path).write_bytes(content)
        else:
            _replace(target, content)
    except FileNotFoundError:
        raise CitebriefError(
            f"cannot write {path}: the folder {target.parent} does not exist; create it first"
        ) from None
    except OSError as error:
        raise CitebriefError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeEncodeError as error:
        raise CitebriefError(f"cannot write {path}: character {error.start} is half a surrogate pair") from None


def _is_pipe_or_device(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(target: Path, content: bytes) -> None:
    if target.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    prefix, _, suffix = TEMPORARY.partition("*")
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=prefix, suffix=suffix)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, _permissions(target))
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _permissions(target: Path) -> int:
    """Return the permissions of the existing file, or those of a new file under the current umask."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _sync_directory(directory: Path) -> None:
    """Flush the rename to the disk, if the file system supports it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
