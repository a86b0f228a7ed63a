"""Folders outside the store that can be written: the user's cache, and temporary ones.

A container may run as a user without a home, without an entry in the list of users, or on a read-only disk.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from rag.errors import CitebriefError


def user_cache() -> Path:
    """Return the folder of this user's cache, which may not exist yet: a temporary one where there is no home.

    Raises:
        CitebriefError: no folder can be written.
    """
    import platformdirs

    with suppress(RuntimeError):  # there is no home
        directory = Path(platformdirs.user_cache_dir("citebrief"))
        if directory.is_absolute() and can_create(directory):
            return directory
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return temporary_directory() / f"citebrief-{user}"


def temporary_directory() -> Path:
    """Return a folder for temporary files.

    Raises:
        CitebriefError: none can be written.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise CitebriefError("no folder for temporary files can be written: set TMPDIR to one that can") from None


def give_home() -> None:
    """Set ``HOME`` to a temporary folder where there is none: Chroma cannot even be imported without.

    Raises:
        CitebriefError: no folder can be written.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(temporary_directory())


def can_create(directory: Path) -> bool:
    """Return whether ``directory`` can be written, or created below the nearest folder that exists."""
    existing = directory
    while not existing.exists():
        if existing == existing.parent:
            return False
        existing = existing.parent
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
