"""What a ``--store`` value names: a directory, or a Chroma server (``chroma+http://host:port``)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rag._internal.directories import user_cache


def is_remote(store: str) -> bool:
    """Whether ``store`` names a Chroma server."""
    return store.startswith("chroma+")


def store_directory(store: str) -> Path:
    """Return the directory of a store; for a server, the directory in the user's cache for its catalogue's copy."""
    if not is_remote(store):
        return Path(store).expanduser()
    return user_cache() / "stores" / hashlib.sha256(store.encode()).hexdigest()[:16]
