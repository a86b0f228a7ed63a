"""Read CSV and TSV.

A table with a ``text`` column has one document per row; with a ``page`` column too, its rows are the lines of one paged
document. Any other table is one document of ``column: value`` lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rag.errors import ReadError
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.clean import title_from_name
from rag.ingest.encoding import decode
from rag.ingest.rows import DocumentRow, ParsedRows, parse_row
from rag.ingest.scan import Page, page_blocks

_MEDIA_TYPE = "text/csv"


def read_csv(data: bytes, name: str) -> ParsedDocument | ParsedRows:
    """Read the table in ``data``; its first line names the columns.

    Raises:
        ReadError: there is no table, or a field is larger than 16 MB.
    """
    text, metadata = decode(data)
    csv.field_size_limit(16 * 1024 * 1024)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise ReadError(f"not a table: {error}") from None
    if not table or not any(cell.strip() for cell in table[0]):
        raise ReadError("no header line: the first line of a CSV file names its columns")
    columns, lines = [cell.strip() for cell in table[0]], table[1:]
    names = [column.lower() for column in columns]
    if "text" in names and "page" in names:
        blocks = page_blocks(list(_pages(names, lines)))
        title = title_from_name(name)  # the first heading found in a scan is often somewhere in its middle
        return ParsedDocument(blocks=tuple(blocks), media_type=_MEDIA_TYPE, title=title, paged=True, metadata=metadata)
    if "text" in names:
        return _document_rows(names, lines, name, metadata)
    return ParsedDocument(blocks=tuple(_record_blocks(columns, lines)), media_type=_MEDIA_TYPE, metadata=metadata)


def _delimiter(text: str) -> str:
    """Return the most frequent candidate delimiter of the header line."""
    header = text.lstrip().partition("\n")[0]
    return max(",;\t|", key=header.count)


def _document_rows(
    names: Sequence[str], lines: Sequence[Sequence[str]], name: str, metadata: dict[str, str]
) -> ParsedRows:
    rows: list[DocumentRow] = []
    problems: list[tuple[int, str]] = []
    for number, cells in enumerate(lines, 2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            rows.append(parse_row(dict(zip(names, cells, strict=False)), number, f"{name}#{number}"))
        except ReadError as error:
            problems.append((number, str(error)))
    return ParsedRows(rows=tuple(rows), problems=tuple(problems), media_type=_MEDIA_TYPE, metadata=metadata)


def _record_blocks(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[Block]:
    """Yield a block of ``column: value`` lines for each row, empty cells left out."""
    for cells in lines:
        pairs = [(column, cell.strip()) for column, cell in zip(columns, cells, strict=False)]
        if filled := [f"{column}: {' '.join(cell.split())}" for column, cell in pairs if cell]:
            yield Block(text="\n".join(filled))


def _pages(names: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[Page]:
    """Yield the lines of each page in file order; a page number without lines gives an empty page."""
    page_column, text_column = names.index("page"), names.index("text")
    current = 0
    page_lines: list[str] = []
    for number, cells in enumerate(lines, 2):
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
