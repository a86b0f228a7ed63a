"""Spreadsheets, written as the XML that they are."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from rag.types import Document

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook(sheets: dict[str, list[list[str | float]]], hidden: str = "") -> bytes:
    """Return an XLSX file with these cells; the sheet ``hidden`` is not shown."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/s{n}.xml" ContentType="{kinds}.worksheet+xml"/>'
            for n in range(len(sheets))
        )
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>{overrides}</Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_REL}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        entries = links = ""
        for n, (name, rows) in enumerate(sheets.items()):
            state = 'state="hidden"' if name == hidden else ""
            entries += f'<sheet name="{name}" sheetId="{n + 1}" {state} r:id="r{n}"/>'
            links += f'<Relationship Id="r{n}" Type="{_REL}/worksheet" Target="worksheets/s{n}.xml"/>'
            lines = "".join(f'<row r="{at}">{_cells(row, at)}</row>' for at, row in enumerate(rows, 1))
            sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/s{n}.xml", sheet)
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{entries}</sheets></workbook>'
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'
        )
    return data.getvalue()


def _cells(row: list[str | float], at: int) -> str:
    return "".join(
        f'<c r="{chr(65 + n)}{at}" t="inlineStr"><is><t>{value}</t></is></c>'
        if isinstance(value, str)
        else f'<c r="{chr(65 + n)}{at}"><v>{value}</v></c>'
        for n, value in enumerate(row)
        if value != ""
    )


def test_each_row_names_its_columns_and_each_sheet_is_a_heading(read_document: Callable[..., Document]) -> None:
    data = workbook(
        {
            "Boats": [["Boats by lock"], [], ["Lock", "1998", "Share"], ["Ostby", 412.0, 0.1 + 0.2], ["Nore", "", 0.5]],
            "Plans": [["What nobody is to see"]],
            "Empty": [],
        },
        hidden="Plans",
    )
    document = read_document("b.xlsx", data)
    assert document.text.endswith("Boats by lock\n\nLock: Ostby\n1998: 412\nShare: 0.3\n\nLock: Nore\nShare: 0.5")
    assert "nobody" not in document.text
    assert (document.coverage.unit, document.coverage.total, document.coverage.read) == ("sheet", 3, 1)
    assert {item.what: item.parts for item in document.coverage.omissions} == {
        "hidden sheets": (2,),
        "blank sheets": (3,),
    }


def test_damaged_spreadsheet_is_reported(skip_reason: Callable[..., str]) -> None:
    data = workbook({"A": [["x"]]})
    assert "no zip directory" in skip_reason("a.xlsx", data[:200])
    assert "no spreadsheet" in skip_reason("b.xlsx", b"\x00" * 300)


def test_encrypted_spreadsheet_is_named_as_such(tmp_path: Path, skip_reason: Callable[..., str]) -> None:
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1016) + "EncryptedPackage".encode("utf-16-le") + bytes(512)
    (tmp_path / "a.xlsx").write_bytes(container)
    assert skip_reason("a.xlsx").startswith("an encrypted spreadsheet: it needs a password")
