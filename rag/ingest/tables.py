"""Split a sheet of cells into tables, and turn their rows into lines ``column: value``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.ingest.blocks import Block
from rag.ingest.cells import CellKind, TableRow, cell_at, filled, kind_of
from rag.ingest.table_headers import TableHeader, find_header, find_next_header

_COMPARED = 20
"""Rows above and below an empty row that are compared."""
_FEW = 3
"""Names from which on a row with one cell is a caption or a note, and no value of a column."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, by their indexes, and the header that names their columns: none above titles, notes and lists."""

    header: TableHeader | None
    rows: range


def split_tables(rows: Sequence[TableRow], *, expected: bool = False) -> Iterator[Table]:
    """Yield the tables of a sheet, one below the other, and the rows without a header between them.

    A table ends at the next header, or at an empty row below which the cells are of other kinds.
    """
    header: TableHeader | None = None
    begin = 0
    for start, end in _blocks(rows):
        at = max(start, begin)
        if header and not _fits(header, rows[max(begin, at - _COMPARED) : at], rows[at:end]):
            yield Table(header, range(begin, at))
            header, begin = None, at
        while (
            found := find_next_header(header, rows, at, end)
            if header
            else find_header(rows, at, end, expected=expected)
        ):
            yield Table(header, range(begin, found.lines[0]))
            header, begin = found, found.lines[-1] + 1
            at = begin
    yield Table(header, range(begin, len(rows)))


def record_blocks(rows: Sequence[TableRow], *, expected: bool = False) -> Iterator[Block]:
    """Yield a block for each row of a sheet: ``column: value`` lines, empty cells left out.

    A cell to the left of the first name is the label of its row, and is written as it is; another one without a name
    is called by its number. Rows without a header, and captions between rows, are written as they are.

    Args:
        expected: whether a header is to be expected, as in a CSV file: see :func:`find_header`.
    """
    for table in split_tables(rows, expected=expected):
        for row in (rows[at] for at in table.rows):
            if not (columns := filled(row)):
                continue
            names = table.header.names if table.header else {}
            caption = len(columns) == 1 and len(names) >= _FEW and kind_of(row[columns[0]]) is CellKind.TEXT
            if not names or (caption and columns[0] <= min(names)):
                yield Block(text="; ".join(cell_at(row, column) for column in columns))
            else:
                yield Block(text="\n".join(_line(names, column, cell_at(row, column)) for column in columns))


def _line(names: dict[int, str], column: int, value: str) -> str:
    return value if column < min(names) else f"{names.get(column) or f'column {column + 1}'}: {value}"


def _blocks(rows: Sequence[TableRow]) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each run of rows that are not empty."""
    start = None
    for at, row in enumerate(rows):
        if any(cell.strip() for cell in row):
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(rows)


def _fits(header: TableHeader, above: Sequence[TableRow], below: Sequence[TableRow]) -> bool:
    """Whether rows below an empty row go on with the table: numbers where it has numbers, cells where it has names."""
    below = [row for row in below[:_COMPARED] if len(filled(row)) > 1]
    if not below:
        return True
    if not header.values:
        return all(2 * len(filled(row)) >= len(header.names) for row in below)
    kinds = Counter(kind for row in below for kind in _kinds_of_values(header, row))
    if not kinds:  # some rows of the table may have no numbers
        return any(not _kinds_of_values(header, row) for row in above if len(filled(row)) > 1)
    return kinds[CellKind.TEXT] <= kinds.total() - kinds[CellKind.TEXT]


def _kinds_of_values(header: TableHeader, row: TableRow) -> list[CellKind]:
    return [kind_of(row[column]) for column in header.values if cell_at(row, column)]
