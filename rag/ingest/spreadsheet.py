"""Read spreadsheets (XLSX, XLSM, XLSB, XLS, ODS) through calamine: each sheet is a heading with its rows below.

calamine is written in Rust and MIT-licensed; its Python package python-calamine is one file of 2.3 MB without
dependencies. It gives the values that the program stored, not the formulas.
"""

from __future__ import annotations

import datetime
import io
from typing import Any

from rag.errors import ReadError
from rag.ingest.archive import open_archive
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.office_values import datetime_text, number_text
from rag.ingest.omissions import Tally
from rag.ingest.sheet_boxes import text_boxes
from rag.ingest.sheet_extent import check_sectors, check_sheets
from rag.ingest.tables import record_blocks

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def read_spreadsheet(data: bytes, name: str) -> ParsedDocument:
    """Read the sheets of the file in ``data``; a row becomes a block of ``column: value`` lines, text boxes follow.

    Hidden sheets and pictures are left out and counted; what a chart shows is in the cells.

    Raises:
        ReadError: the file is damaged, encrypted, a zip bomb, or no spreadsheet; or a value stands too far from the
            others.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    tally = Tally()
    boxes: dict[str, list[str]] = {}
    if data.startswith(b"\xd0\xcf\x11\xe0") and "EncryptedPackage".encode("utf-16-le") in data:
        raise ReadError("an encrypted spreadsheet: it needs a password; save a copy without one")
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        check_sectors(data)
    if data.startswith(b"PK"):
        with open_archive(data, "a spreadsheet") as archive:
            check_sheets(archive)
            _count_members(archive.namelist(), tally)
            boxes = text_boxes(archive, tally)
    blocks: list[Block] = []
    read = number = 0
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for number, sheet in enumerate(book.sheets_metadata, 1):
            if sheet.visible != SheetVisibleEnum.Visible:
                tally.add("hidden sheets", part=number, detail=sheet.name)
                continue
            try:
                values = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=True)
                rows = [cells if any(cells := [_cell(value) for value in row]) else [] for row in values]
            except CalamineError as error:
                tally.add("damaged parts", part=number, detail=f"{sheet.name}: {error}")
                continue
            drawn = [Block(text=words) for words in boxes.get(sheet.name, ())]
            if any(rows) or drawn:
                read += 1
                blocks += [Block(text=sheet.name, level=1), *(record_blocks(rows) if any(rows) else ()), *drawn]
            else:
                tally.add("blank sheets", part=number)
    except CalamineError as error:
        reason = "an encrypted spreadsheet: it needs a password" if "password" in str(error).lower() else str(error)
        raise ReadError(f"damaged, or no spreadsheet: {reason}") from None
    return ParsedDocument(
        blocks=tuple(blocks), media_type=_MEDIA_TYPE, unit="sheet", parts=number, read=read, tally=tally
    )


def _count_members(names: list[str], tally: Tally) -> None:
    """Count what is in the parts that are not read."""
    for name in names:
        if "/media/" in name or name.startswith("Pictures/"):
            tally.add("images")
        elif "/charts/chart" in name:
            tally.add("charts, whose figures are in cells")
        elif "/comments" in name and name.endswith(".xml"):
            tally.add("comments")


def _cell(value: Any) -> str:
    """Return a value as the sheet shows it by default: whole numbers without a point, dates in ISO 8601."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, datetime.datetime):
        return datetime_text(value)
    return " ".join(str(value).split())
