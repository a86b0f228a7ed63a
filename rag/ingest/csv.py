"""Read CSV and TSV.

A table with a ``text`` column has one document per row; with a ``page`` column too, its rows are the lines of one paged
document. Any other table is one document of ``column: value`` lines.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.errors import ReadError
from rag.ingest.blocks import ParsedDocument
from rag.ingest.clean import title_from_name
from rag.ingest.encoding import decode
from rag.ingest.omissions import SURPLUS_CELLS, Tally
from rag.ingest.rows import DocumentRow, ParsedRows, parse_row
from rag.ingest.scan import Page, page_blocks
from rag.ingest.tables import record_blocks

_MEDIA_TYPE = "text/csv"
_SAMPLE_LINES = 200
_SEPARATOR_LINE = re.compile(r'\ufeff?"?sep=(.)"?[ \t,;]*\r?\n', re.IGNORECASE)


def read_csv(data: bytes, name: str) -> ParsedDocument | ParsedRows:
    """Read the table in ``data``. Title lines before the header are kept; a line ``sep=;`` names the delimiter.

    Raises:
        ReadError: there is no table, or a field is larger than 16 MB.
    """
    text, metadata = decode(data)
    csv.field_size_limit(16 * 1024 * 1024)
    text, delimiter, skipped = _separator_line(text.replace("\x00", ""))
    delimiter = delimiter or _delimiter(text)
    tally = Tally()
    try:
        rows, numbers = _parse(text, delimiter, skipped)
        widths = Counter(len(row) for row in rows if len(row) > 1)
        columns = max(widths, key=lambda width: widths[width], default=0)
        if any(_swallows_lines(cell, delimiter, columns) for row in rows for cell in row):
            rows, numbers = _parse_lines(text, delimiter, skipped)
            tally.add("broken quotes")
    except csv.Error as error:
        raise ReadError(f"not a table: {error}") from None
    if not any(cell.strip() for row in rows for cell in row):
        raise ReadError("no header line: the first line of a CSV file names its columns")
    at = next(n for n, row in enumerate(rows) if any(cell.strip() for cell in row))
    names = [cell.strip().lower() for cell in rows[at]]
    lines, numbers = rows[at + 1 :], numbers[at + 1 :]
    if "text" in names and "page" in names:
        lines, surplus = _one_cell_a_column(names, lines, delimiter)
        tally.add(SURPLUS_CELLS, count=sum(surplus))
        blocks = page_blocks(list(_pages(names, lines, numbers)))
        for column in dict.fromkeys(names):
            if column not in {"page", "text", "line", ""}:
                tally.add("other columns", detail=column)
        title = title_from_name(name)  # the first heading found in a scan is often somewhere in its middle
        return ParsedDocument(
            blocks=tuple(blocks),
            media_type=_MEDIA_TYPE,
            title=title,
            paged=True,
            metadata=metadata,
            unit="page",
            tally=tally,
        )
    if "text" in names:
        return _document_rows(names, lines, numbers, name, metadata, delimiter)
    return ParsedDocument(
        blocks=tuple(record_blocks(rows, expected=True)), media_type=_MEDIA_TYPE, metadata=metadata, tally=tally
    )


def _separator_line(text: str) -> tuple[str, str, int]:
    """Return the text without a first line ``sep=;``, which Excel writes; the delimiter; and the lines removed."""
    found = _SEPARATOR_LINE.match(text)
    if not found:
        return text, "", 0
    return text[found.end() :], found[1], 1


def _delimiter(text: str) -> str:
    """Return the delimiter with which most of the first lines have the same number of cells, more than one."""
    lines = [line for line in text.splitlines()[:_SAMPLE_LINES] if line.strip()]

    def score(delimiter: str) -> tuple[float, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            return 0.0, 0
        widths.pop(1, None)
        return (float(max(widths.values())), max(widths)) if widths else (0.0, 0)

    return max(",;\t|", key=score)


def _parse(text: str, delimiter: str, skipped: int) -> tuple[list[list[str]], list[int]]:
    """Return the rows and the numbers of the lines on which they end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, numbers = [], []
    for row in reader:
        rows.append(row)
        numbers.append(reader.line_num + skipped)
    return rows, numbers


def _parse_lines(text: str, delimiter: str, skipped: int) -> tuple[list[list[str]], list[int]]:
    """Return one row a line: for a file in which a quotation mark is opened and not closed."""
    rows = []
    for line in text.splitlines():
        try:
            (row,) = csv.reader([line], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            row = [cell.strip().strip('"') for cell in line.split(delimiter)]
        rows.append(row)
    return rows, [number + skipped for number in range(1, len(rows) + 1)]


def _swallows_lines(cell: str, delimiter: str, columns: int) -> bool:
    """Whether a cell holds lines of the table itself, because its quotation mark is not closed.

    Most of them then have as many cells as the table has columns; of the paragraphs of a text one may by chance.
    """
    if cell.count("\n") < 2 or columns < 2:
        return False
    lines = [line for line in cell.split("\n") if line.strip()][1:]
    alike = sum(line.count(delimiter) >= columns - 1 for line in lines)
    return alike > 1 and alike >= 0.6 * len(lines)


def _one_cell_a_column(
    names: Sequence[str], lines: Sequence[Sequence[str]], delimiter: str
) -> tuple[list[list[str]], list[int]]:
    """Return lines of at most one cell a column, and how many cells each had beyond that.

    A text that is not quoted is split at its commas. The columns before and behind it are counted from both ends, and
    what is between them is the text again.
    """
    at = names.index("text")
    fitted, surplus = [], []
    for line in lines:
        cells = list(line)
        while len(cells) > len(names) and not cells[-1].strip():
            cells.pop()
        more = max(0, len(cells) - len(names))
        behind = at + more + 1
        fitted.append([*cells[:at], delimiter.join(cells[at:behind]), *cells[behind:]] if more else cells)
        surplus.append(more)
    return fitted, surplus


def _document_rows(
    names: Sequence[str],
    lines: Sequence[Sequence[str]],
    numbers: Sequence[int],
    name: str,
    metadata: dict[str, str],
    delimiter: str,
) -> ParsedRows:
    rows: list[DocumentRow] = []
    problems: list[tuple[int, str]] = []
    for number, cells, surplus in zip(numbers, *_one_cell_a_column(names, lines, delimiter), strict=True):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            row = parse_row(dict(zip(names, cells, strict=False)), number, f"{name}#{number}")
            rows.append(replace(row, surplus_cells=surplus))
        except ReadError as error:
            problems.append((number, str(error)))
    return ParsedRows(rows=tuple(rows), problems=tuple(problems), media_type=_MEDIA_TYPE, metadata=metadata)


def _pages(names: Sequence[str], lines: Sequence[Sequence[str]], numbers: Sequence[int]) -> Iterator[Page]:
    """Yield the lines of each page in file order; a page number without lines gives an empty page."""
    page_column, text_column = names.index("page"), names.index("text")
    current = 0
    page_lines: list[str] = []
    for number, cells in zip(numbers, lines, strict=True):
        if len(cells) <= max(page_column, text_column):
            continue
        if not cells[page_column].strip().isdecimal():
            raise ReadError(f"row {number}: page is {cells[page_column]!r}, not a number")
        page = int(cells[page_column])
        if page < current or page > current + 10_000:
            raise ReadError(f"row {number}: page {page} comes after page {current}; sort the rows by page")
        if page > current:
            if current:
                yield page_lines
            yield from ([] for _ in range(page - current - 1))
            current, page_lines = page, []
        if cells[text_column].strip() not in {"", "NA"}:
            page_lines.append(cells[text_column])
    if current:
        yield page_lines
