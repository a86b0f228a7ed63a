"""The documents of the comparison as text files, so that all systems read the same words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rag.ingest import extract, find
from rag.types import Skipped

SUFFIX = ".txt"
"""Ends the name of every exported file, after the name that the document has."""


def export_text(paths: Sequence[str], folder: Path) -> int:
    """Write the text of each document of ``paths`` to ``folder``, under its id and ``.txt``. Return the number.

    Raises:
        ValueError: an id leads out of the folder, or is taken by a folder.
    """
    count = 0
    for source in find(paths):
        if isinstance(source, Skipped):
            continue
        for document in extract(source)[0]:
            path = folder / f"{document.id}{SUFFIX}"
            if not path.resolve().is_relative_to(folder.resolve()) or path.is_dir():
                raise ValueError(f"{document.id}: not a path below {folder}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(document.text, encoding="utf-8")
            count += 1
    return count


def document_id(path: str) -> str:
    """Return the id of the document whose text is the exported file ``path``."""
    return path.removesuffix(SUFFIX)
