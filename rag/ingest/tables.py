"""Find the header of a table of cells, and turn its rows into lines ``column: value``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.ingest.blocks import Block

TableRow = Sequence[str]

_FULL = 0.75
"""Share of the usual number of cells that the header has at least."""
_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the rows before its header, the names of its columns, and the rows below.

    ``first`` is the index of the row after the header.
    """

    before: tuple[TableRow, ...]
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    first: int


def split_table(rows: Sequence[TableRow]) -> Table:
    """Split rows into what stands before the header (title lines, a note), the header, and the data.

    The header is the first row with nearly as many filled cells as most rows have.
    """
    widths = Counter(_width(row) for row in rows[:_SAMPLE] if _filled(row) > 1)
    usual = max(widths, key=lambda width: (widths[width], width)) if widths else 1
    needed = max(1, min(usual, int(_FULL * usual + 0.999)))
    at = next((n for n, row in enumerate(rows) if _filled(row) >= needed), 0)
    header = [" ".join(cell.split()) for cell in rows[at]]
    before = tuple(row for row in rows[:at] if _filled(row))
    return Table(before, tuple(header), tuple(rows[at + 1 :]), at + 1)


def record_blocks(table: Table) -> Iterator[Block]:
    """Yield what is before the header, and a block of ``column: value`` lines for each row, empty cells left out.

    A cell without a name in the header is called by its number.
    """
    for row in table.before:
        yield Block(text="; ".join(" ".join(cell.split()) for cell in row if cell.strip()))
    for row in table.rows:
        lines = []
        for number, cell in enumerate(row):
            if value := " ".join(cell.split()):
                name = table.columns[number] if number < len(table.columns) else ""
                lines.append(f"{name or f'column {number + 1}'}: {value}")
        if lines:
            yield Block(text="\n".join(lines))


def _filled(row: TableRow) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _width(row: TableRow) -> int:
    """Return the number of cells up to the last one that is filled."""
    return max((n for n, cell in enumerate(row, 1) if cell.strip()), default=0)
