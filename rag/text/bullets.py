"""The marks of list items, by which a line shows how deep it is nested.

Indentation would say it too, but it marks code (``CODE_INDENT``), and cleaning removes it.
"""

from __future__ import annotations

BULLETS = ("- ", "– ", "* ")
"""The mark of an item of the outermost list, of a list within its item, and of lists that are nested deeper."""


def bullet(depth: int) -> str:
    """Return the mark of an item at ``depth``, counted from 1."""
    return BULLETS[min(depth, len(BULLETS)) - 1]


def bullet_depth(line: str) -> int:
    """Return the depth of the item that ``line`` is, counted from 1, or 0 if it has no such mark."""
    return next((depth for depth, mark in enumerate(BULLETS, 1) if line.startswith(mark)), 0)
