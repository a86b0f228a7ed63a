"""Spreadsheets, written as the XML that they are."""

from __future__ import annotations

import io
import struct
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


def test_large_amounts_keep_their_digits(read_document: Callable[..., Document]) -> None:
    data = workbook({"Fees": [["Lock", "Fee", "Account"], ["Ostby", 12345678901.25, 1234567890123456.0]]})
    assert read_document("a.xlsx", data).text.endswith("Fee: 12345678901.25\nAccount: 1234567890123456")


def _with_boxes(data: bytes, sheets: dict[int, str], workbook: str = "xl/workbook.xml") -> bytes:
    """Return ``data`` with a text box on each of the ``sheets``, and its workbook under another name."""
    drawing = "http://schemas.openxmlformats.org/drawingml/2006"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[workbook] = members.pop("xl/workbook.xml")
    for n, words in sheets.items():
        link = f'<Relationship Id="r1" Type="{_REL}/drawing" Target="../drawings/drawing{n}.xml"/>'
        members[f"xl/worksheets/_rels/s{n}.xml.rels"] = (
            f'<Relationships xmlns="{_PACKAGE}/relationships">{link}</Relationships>'.encode()
        )
        box = f"<x:txBody><a:p><a:r><a:t>{words}</a:t></a:r></a:p></x:txBody>"
        other = f'<m:Fallback xmlns:m="m">{box}</m:Fallback>'
        members[f"xl/drawings/drawing{n}.xml"] = (
            f'<x:wsDr xmlns:x="{drawing}/spreadsheetDrawing" xmlns:a="{drawing}/main">{box}{other}</x:wsDr>'.encode()
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_text_boxes_are_read_below_the_rows_of_their_sheet(read_document: Callable[..., Document]) -> None:
    book = workbook({"Boats": [["Lock"], ["Ostby"]], "Plans": [["x"]], "Notes": []}, hidden="Plans")
    document = read_document("b.xlsx", _with_boxes(book, {0: "Fees are waived.", 1: "Secret.", 2: "As of May."}))
    assert document.text == "Boats\n\nLock\n\nOstby\n\nFees are waived.\n\nNotes\n\nAs of May."
    assert (document.coverage.read, [item.what for item in document.coverage.omissions]) == (2, ["hidden sheets"])


def test_text_boxes_that_stand_on_no_known_sheet_are_counted() -> None:
    from rag.ingest.omissions import Tally
    from rag.ingest.sheet_boxes import text_boxes

    data, tally = _with_boxes(workbook({"A": [["x"]]}), {0: "Fees are waived."}, "xl/workbook.bin"), Tally()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert text_boxes(archive, tally) == {}
    [omission] = tally.omissions()
    assert (omission.what, omission.detail, omission.lost) == ("text boxes", "Fees are waived.", True)


def test_damaged_spreadsheet_is_reported(skip_reason: Callable[..., str]) -> None:
    data = workbook({"A": [["x"]]})
    assert "no zip directory" in skip_reason("a.xlsx", data[:200])
    assert "no spreadsheet" in skip_reason("b.xlsx", b"\x00" * 300)


def _replace(data: bytes, member: str, old: bytes, new: bytes) -> bytes:
    """Return the archive with ``old`` in one of its members replaced."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(packed, "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            assert name != member or old in content
            other.writestr(name, content.replace(old, new) if name == member else content)
    return packed.getvalue()


def _with_last_cell(cell: str) -> bytes:
    row = f'<row r="1048576">{cell}</row></sheetData>'
    return _replace(workbook({"A": [["Lock"], ["Ostby"]]}), "xl/worksheets/s0.xml", b"</sheetData>", row.encode())


def test_value_far_from_the_others_is_refused(skip_reason: Callable[..., str]) -> None:
    # calamine would end the process: it needs 512 GB for the places between.
    for cell in ('<c r="XFD1048576"><v>1</v></c>', '<c r="XFD1048576" t="str"><v></v></c>'):
        assert "xl/worksheets/s0.xml span 17,179,869,184 places" in skip_reason("a.xlsx", _with_last_cell(cell))


def test_empty_cell_with_a_format_may_stand_far_from_the_others(read_document: Callable[..., Document]) -> None:
    assert read_document("a.xlsx", _with_last_cell('<c r="XFD1048576" s="0"/>')).text == "Lock\n\nOstby"


def open_document(cells: str) -> bytes:
    """Return an ODS file with the XML of the cells of its only row below the header "Lock"."""
    data = io.BytesIO()
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    names = f'xmlns:office="{urn}:office:1.0" xmlns:table="{urn}:table:1.0" xmlns:text="{urn}:text:1.0"'
    header = '<table:table-row><table:table-cell office:value-type="string"><text:p>Lock</text:p></table:table-cell>'
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f'<office:document-content {names}><office:body><office:spreadsheet><table:table table:name="A">{header}'
            f"</table:table-row><table:table-row>{cells}</table:table-row></table:table></office:spreadsheet>"
            "</office:body></office:document-content>",
        )
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    return data.getvalue()


def test_open_document_that_is_no_xml_is_reported_in_no_time(
    read_document: Callable[..., Document], skip_reason: Callable[..., str]
) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>Ostby</text:p></table:table-cell>'
    assert read_document("a.ods", open_document(cell)).text == "Lock\n\nOstby"
    damaged = _replace(open_document(cell), "content.xml", b"</table:table>", b"")
    assert "content.xml is not XML" in skip_reason("b.ods", damaged)


def test_old_spreadsheet_whose_sectors_run_in_a_circle_is_reported_in_no_time(skip_reason: Callable[..., str]) -> None:
    end, free, table = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    sizes = struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + sizes + bytes(10)
    header += struct.pack("<9I", 1, 1, 0, 4096, end, 0, end, 0, 0) + struct.pack("<108I", *[free] * 108)
    # The table of sectors is sector 0; the directory begins in sector 1, from which sector 2 leads back to it.
    sectors = struct.pack("<128I", table, 2, 1, *[free] * 125)
    assert "a chain of its sectors comes back to itself" in skip_reason("a.xls", header + sectors + bytes(1024))


def test_encrypted_spreadsheet_is_named_as_such(tmp_path: Path, skip_reason: Callable[..., str]) -> None:
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1016) + "EncryptedPackage".encode("utf-16-le") + bytes(512)
    (tmp_path / "a.xlsx").write_bytes(container)
    assert skip_reason("a.xlsx").startswith("an encrypted spreadsheet: it needs a password")
