"""CSV: rows with a ``text`` column are documents; with a ``page`` column too they are one document's pages;
any other table is one document of ``column: value`` lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rag.errors import ReadError
from rag.ingest.blocks import Block, Reading
from rag.ingest.clean import title_from_name
from rag.ingest.encoding import decode
from rag.ingest.rows import Row, Rows, row
from rag.ingest.scan import Page, page_blocks

MEDIA_TYPE = "text/csv"


def read(data: bytes, name: str) -> Reading | Rows:
    """The table in ``data``; its first line names the columns.

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
        title = title_from_name(name)  # the first heading of a scan is somewhere in its middle
        return Reading(blocks=tuple(blocks), media_type=MEDIA_TYPE, title=title, paged=True, metadata=metadata)
    if "text" in names:
        return _rows(names, lines, name, metadata)
    return Reading(blocks=tuple(_records(columns, lines)), media_type=MEDIA_TYPE, metadata=metadata)


def _delimiter(text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    return max(",;\t|", key=header.count)


def _rows(names: Sequence[str], lines: Sequence[Sequence[str]], name: str, metadata: dict[str, str]) -> Rows:
    rows: list[Row] = []
    problems: list[tuple[int, str]] = []
    for number, cells in enumerate(lines, 2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            rows.append(row(dict(zip(names, cells, strict=False)), number, f"{name}#{number}"))
        except ReadError as error:
            problems.append((number, str(error)))
    return Rows(rows=tuple(rows), problems=tuple(problems), media_type=MEDIA_TYPE, metadata=metadata)


def _records(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[Block]:
    for cells in lines:
        pairs = [(column, cell.strip()) for column, cell in zip(columns, cells, strict=False)]
        if filled := [f"{column}: {' '.join(cell.split())}" for column, cell in pairs if cell]:
            yield Block(text="\n".join(filled))


def _pages(names: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[Page]:
    """The lines in the order of the file, by page; a page of which there is no line is empty."""
    page, text = names.index("page"), names.index("text")
    number = 0
    gathered: list[str] = []
    for at, cells in enumerate(lines, 2):
        if len(cells) <= max(page, text):
            continue
        if not cells[page].strip().isdecimal():
            raise ReadError(f"row {at}: page is {cells[page]!r}, not a number")
        here = int(cells[page])
        if here < number or here > number + 10_000:
            raise ReadError(f"row {at}: page {here} comes after page {number}; sort the rows by page")
        if here > number:
            yield from _close(number, here, gathered)
            number, gathered = here, []
        if cells[text].strip() not in {"", "NA"}:
            gathered.append(cells[text])
    if number:
        yield gathered


def _close(number: int, here: int, gathered: Page) -> Iterator[Page]:
    if number:
        yield gathered
    for _ in range(here - number - 1):
        yield []
