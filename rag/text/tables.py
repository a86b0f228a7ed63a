"""Tables in extracted text: a row is a line whose cells are joined by semicolons, the first row names the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHARE_OF_ROWS = 0.8
"""Share of the lines of a table that have as many cells as its header: text of other formats may look like rows."""
_SEPARATOR = re.compile(r";\s+")


def join_cells(cells: Sequence[str]) -> str:
    """Return the cells of a row as one line, each at its place: an empty cell is kept, unless it ends the row.

    A row with one filled cell, or with fewer filled cells than empty ones, as tables for layout have, is its words.
    Elsewhere a semicolon before a space within a cell is written as a comma, since it would end the cell.
    """
    words = [" ".join(cell.split()) for cell in cells]
    filled = sum(map(bool, words))
    if filled < 2 or filled < len(words) - filled:
        return "; ".join(filter(None, words))
    while words and not words[-1]:
        words.pop()
    return "; ".join(_SEPARATOR.sub(", ", word) for word in words)


def split_cells(line: str) -> list[str]:
    """Return the cells of a row that :func:`join_cells` wrote."""
    return [" ".join(cell.split()) for cell in _SEPARATOR.split(line)]


def cell_spans(line: str) -> list[tuple[int, int]]:
    """Return the start and end of each cell of a row in ``line``."""
    between = [separator.span() for separator in _SEPARATOR.finditer(line)]
    return list(zip([0, *(end for _, end in between)], [*(start for start, _ in between), len(line)], strict=True))


def header_cells(lines: Sequence[str]) -> list[str]:
    """Return the cells of the first line if ``lines`` are the rows of a table, else an empty list.

    They are if there are at least two, of at least two cells, no cell of the first ends a sentence, and four in five
    have as many cells as the first, or fewer by empty cells at their end.
    """
    if len(lines) < 2:
        return []
    header, *rows = [split_cells(line) for line in lines]
    fitting = sum(1 < len(row) <= len(header) for row in rows)
    is_table = len(header) > 1 and fitting >= SHARE_OF_ROWS * len(rows)
    is_sentence = any(cell.endswith((".", "!", "?", "”", '"')) for cell in header)
    return header if is_table and not is_sentence and any(header) else []
