"""Reading a store that cannot be written: on a read-only disk, in a container image, of another user.

SQLite opens a catalogue with a write-ahead log only where it can write beside it, and Chroma has no reading mode. So
the catalogue is opened as a file that nobody changes, and of Chroma's files a private copy is opened.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from rag._internal.directories import temporary_directory
from rag.errors import CitebriefError


def is_read_only(directory: Path) -> bool:
    """Return whether files of the existing ``directory`` cannot be written by this process."""
    if not directory.exists():
        return False
    files = [path for path in (directory, *directory.glob("*.sqlite*")) if not os.access(path, os.W_OK)]
    return bool(files)


def open_catalogue(path: Path) -> sqlite3.Connection:
    """Return a reading connection to the catalogue at ``path``, whose folder cannot be written.

    Raises:
        CitebriefError: a process that wrote the catalogue was killed, and no folder for a copy can be written.
    """
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:  # the last commits are in the log, which only a writer can apply
        directory = _temporary_copy(path.parent)
        for file in (path, log):
            shutil.copyfile(file, directory / file.name)
        return sqlite3.connect(directory / path.name, timeout=30, isolation_level=None, check_same_thread=False)
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def copy_of_vectors(directory: Path) -> Path:
    """Return a private copy of Chroma's ``directory``, which is removed when the program ends.

    Links to the files would not do: Chroma writes to its database and to a small index of vectors when it opens them.

    Raises:
        CitebriefError: no folder for it can be written, or it has no room.
    """
    target = _temporary_copy(directory.parent) / directory.name
    try:
        shutil.copytree(directory, target, copy_function=shutil.copyfile)
        for path in (target, *(each for each in target.rglob("*") if each.is_dir())):
            path.chmod(0o700)  # copytree gives folders the permissions of the original
    except OSError as error:
        raise CitebriefError(
            f"{directory.parent} cannot be written, and no copy of it can be made in {target.parent}: "
            f"{(error.strerror or 'a file cannot be copied').lower()}: set TMPDIR to a folder with more room"
        ) from error
    return target


_COPIES: list[tempfile.TemporaryDirectory[str]] = []
"""Removed with everything in them when the program ends."""


def _temporary_copy(store: Path) -> Path:
    """Return a new temporary folder."""
    try:
        directory = tempfile.TemporaryDirectory(
            prefix="citebrief-", dir=temporary_directory(), ignore_cleanup_errors=True
        )
    except CitebriefError as error:
        raise CitebriefError(f"{store} cannot be written, and {error}") from None
    _COPIES.append(directory)
    return Path(directory.name)
