"""Writing a file so that it is either whole or not there.

Readers of a brief, and a run that was killed half way, find the old file or the new one, never a piece.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from rag.errors import CitebriefError

TEMPORARY = ".citebrief-*.tmp"
"""What a write that was killed leaves beside its target. Whoever is alone in a folder may remove it."""


def write_atomically(path: str | Path, data: str | bytes) -> None:
    """Write ``data`` (text as UTF-8, line ends as they are) to ``path`` in one step.

    The bytes go to a temporary file in the same folder, reach the disk, and then take the name. A file that
    was there keeps its permissions; a symbolic link stays a link, and its target is replaced. A pipe or a
    device, which cannot be replaced, is written to as it is.

    Raises:
        CitebriefError: the folder is missing or not writable, the disk is full, or ``path`` is a folder. What
            was there before is untouched.
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
            os.fchmod(descriptor, _mode(target))
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _mode(target: Path) -> int:
    """The permissions of the file that is there, else those that any new file would get."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _sync_folder(directory: Path) -> None:
    """Make the new name last through a power cut; some file systems cannot, and the file stands anyway."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
