"""DOCX files built with python-docx, intact and damaged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.types import Document


@pytest.fixture(scope="module")
def docx_bytes() -> bytes:
    from docx import Document as Docx

    document = Docx()
    document.core_properties.title = "A title in the properties"
    document.add_paragraph("The Platform Change", style="Title")
    document.add_paragraph("Date: 18 July 2016")
    document.add_heading("What was changed", 1)
    paragraph = document.add_paragraph("The word lethal fell out")
    paragraph.add_run("3").font.superscript = True
    paragraph.add_run(" of the draft.")
    document.add_heading("By whom", 2)
    document.add_paragraph("one man", style="List Bullet")
    document.add_paragraph("another man", style="List Bullet")
    document.add_paragraph("his brother", style="List Bullet 2")
    numbered = document.add_paragraph("his nephew", style="List Bullet")
    numbered._p.get_or_add_pPr().get_or_add_numPr().get_or_add_ilvl().val = 2
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("who", "when"), ("Gordon", "July")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def test_styles_give_title_headings_and_lists_and_rows_become_lines(
    read_document: Callable[..., Document], docx_bytes: bytes
) -> None:
    document = read_document("p.docx", docx_bytes)
    assert (document.title, document.date) == ("The Platform Change", "2016-07-18")
    found = [(heading.level, heading.text) for heading in document.headings]
    assert found == [(1, "What was changed"), (2, "By whom")]
    assert document.text == (
        "What was changed\n\nThe word lethal fell out of the draft.\n\nBy whom\n\n"
        "- one man\n- another man\n– his brother\n* his nephew\n\n"
        "who; when\nGordon; July"
    )


def test_tracked_insertions_and_content_controls_are_read_and_deletions_are_not(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    from docx import Document as Docx
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = Docx()
    paragraph = document.add_paragraph("They met ")
    for tag, text in (("ins", "<w:t>twice</w:t>"), ("del", "<w:delText>once</w:delText>")):
        paragraph._p.append(parse_xml(f"<w:{tag} {nsdecls('w')}><w:r>{text}</w:r></w:{tag}>"))
    control = (
        f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    )
    paragraph._p.addnext(parse_xml(control))
    document.save(str(tmp_path / "t.docx"))
    assert read_document("t.docx").text == "They met twice\n\nIn a control."


def test_truncated_docx_is_reported(skip_reason: Callable[..., str], docx_bytes: bytes) -> None:
    assert "a truncated or damaged file" in skip_reason("t.docx", docx_bytes[:5000])


def test_file_that_is_no_archive_is_reported(skip_reason: Callable[..., str]) -> None:
    assert "not DOCX" in skip_reason("n.docx", b"not a zip at all")


def test_encrypted_docx_is_reported(skip_reason: Callable[..., str]) -> None:
    assert "an encrypted or old binary Office file" in skip_reason("e.docx", b"\xd0\xcf\x11\xe0" + b"\0" * 600)


def docx_with(xml: str, path: Path) -> None:
    """Write a DOCX whose body is ``xml``."""
    from docx import Document as Docx
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = Docx()
    body = document.element.body
    for element in parse_xml(f"<w:body {nsdecls('w', 'r')}>{xml}</w:body>"):
        body.insert(len(body) - 1, element)
    document.save(str(path))


def p(words: str, properties: str = "") -> str:
    return f"<w:p>{properties}<w:r><w:t xml:space='preserve'>{words}</w:t></w:r></w:p>"


def test_moved_text_stands_once_and_paragraphs_whose_mark_is_deleted_are_joined(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    moved = "<w:r><w:t>The lease ends in May.</w:t></w:r>"
    mark = "<w:pPr><w:rPr><w:del w:id='9'/></w:rPr></w:pPr>"
    docx_with(
        f"<w:p><w:moveFrom w:id='1'>{moved}</w:moveFrom></w:p>{p('The barn is let. ', mark)}{p('Its roof leaks.')}"
        f"<w:p><w:moveTo w:id='2'>{moved}</w:moveTo></w:p>",
        tmp_path / "m.docx",
    )
    assert read_document("m.docx").text == "The barn is let. Its roof leaks.\n\nThe lease ends in May."


def test_a_deleted_mark_with_no_paragraph_behind_it_costs_no_text(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    mark = "<w:pPr><w:rPr><w:del w:id='9'/></w:rPr></w:pPr>"
    table = f"<w:tbl><w:tr><w:tc>{p('Roof')}</w:tc></w:tr></w:tbl>"
    docx_with(
        f"{p('The barn is let.', mark)}{table}{p('The fee is ', mark)}{p('40 euros.', mark)}", tmp_path / "l.docx"
    )
    assert read_document("l.docx").text == "The barn is let.\n\nRoof\n\nThe fee is 40 euros."


def test_words_with_their_reading_above_them_have_it_in_brackets(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    reading, base = (f"<w:r><w:t>{words}</w:t></w:r>" for words in ("とうきょう", "東京"))
    ruby = f"<w:r><w:ruby><w:rt>{reading}</w:rt><w:rubyBase>{base}</w:rubyBase></w:ruby></w:r>"
    docx_with(f"<w:p>{ruby}<w:r><w:t>に着く。</w:t></w:r></w:p>", tmp_path / "r.docx")
    assert read_document("r.docx").text == "東京(とうきょう)に着く。"


def test_deleted_drawings_are_not_read(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    box = f"<w:r><w:pict><w:txbxContent>{p('The old fee is 30 euros.')}</w:txbxContent></w:pict></w:r>"
    deleted = "".join(f"<w:{kind} w:id='{n}'>{box}</w:{kind}>" for n, kind in enumerate(("del", "moveFrom"), 4))
    docx_with(f"{p('The fee is 40 euros.')}<w:p>{deleted}</w:p>", tmp_path / "d.docx")
    assert read_document("d.docx").text == "The fee is 40 euros."


def test_cells_keep_nested_tables_insertions_and_controls(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def cell(content: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content}</w:tc>"

    def row(*cells: str) -> str:
        return f"<w:tr>{''.join(cells)}</w:tr>"

    restart = '<w:vMerge w:val="restart"/>'
    nested = f"<w:tbl>{row(cell(p('loft')), cell(p('40 m')))}</w:tbl><w:p/>"
    inserted = "<w:p><w:ins w:id='3'><w:r><w:t>2 June</w:t></w:r></w:ins></w:p>"
    control = "<w:p><w:sdt><w:sdtContent><w:r><w:t>Ada Berg</w:t></w:r></w:sdtContent></w:sdt></w:p>"
    whole = f"<w:sdt><w:sdtContent>{row(cell(p('Heir')), cell(p('Tor Berg')))}</w:sdtContent></w:sdt>"
    docx_with(
        f"<w:tbl>{row(cell(p('Parts')), cell(nested))}{row(cell(p('Let')), cell(inserted))}"
        f"{row(cell(p('Tenant'), restart), cell(control))}"
        f"{row(cell('<w:p/>', '<w:vMerge/>'), cell(p('since 1998')))}{whole}</w:tbl>",
        tmp_path / "t.docx",
    )
    assert read_document("t.docx").text == (
        "Parts; loft, 40 m\nLet; 2 June\nTenant; Ada Berg\nTenant; since 1998\nHeir; Tor Berg"
    )


def test_text_boxes_are_read_once_and_hidden_words_are_counted(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    box = f"<w:txbxContent xmlns:w='{W}'>{p('Words in a box.')}</w:txbxContent>"
    both = (
        "<mc:AlternateContent xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'>"
        f"<mc:Choice Requires='wps'><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>"
    )
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>Nobody sees this.</w:t></w:r>"
    after = "<w:r><w:t>After.</w:t></w:r>"
    docx_with(f"<w:p><w:r><w:t>Before. </w:t>{both}</w:r>{hidden}{after}</w:p>", tmp_path / "b.docx")
    document = read_document("b.docx")
    assert document.text == "Before. After.\n\nWords in a box."
    assert [(item.what, item.count) for item in document.coverage.omissions] == [("hidden text", 1)]


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


@pytest.mark.parametrize(
    ("name", "kind", "content", "read"),
    [
        (
            "/word/a.html",
            "text/html",
            "<p>All barns.</p><p>The third barn burned.</p>",
            "All barns.\n\nThe third barn burned.",
        ),
        ("/word/a.txt", "text/plain", "The third barn burned.", "The third barn burned."),
        (
            "/word/a.mht",
            "message/rfc822",
            "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n"
            "<p>The third barn burned.</p>\n--x--\n",
            "The third barn burned.",
        ),
        ("/word/a.rtf", "application/rtf", "{\\rtf1 The third barn burned.}", None),
    ],
)
def test_embedded_documents_are_read_or_named(
    tmp_path: Path, read_document: Callable[..., Document], name: str, kind: str, content: str, read: str | None
) -> None:
    from docx import Document as Docx
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = Docx()
    document.add_paragraph("The register of barns.")
    part = Part(PackURI(name), kind, content.encode(), document.part.package)
    id_ = document.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk")
    document.element.body.insert(1, parse_xml(f"<w:altChunk {nsdecls('w', 'r')} r:id='{id_}'/>"))
    document.save(str(tmp_path / "e.docx"))
    found = read_document("e.docx")
    if read:
        assert found.text == f"The register of barns.\n\n{read}"
    else:
        (omission,) = found.coverage.omissions
        assert (omission.what, omission.lost) == ("parts of other formats", True)
        assert "a.rtf" in omission.detail


@pytest.mark.parametrize("part", ["docProps/core.xml", "word/styles.xml"])
def test_damaged_properties_or_styles_cost_no_text(
    part: str, docx_bytes: bytes, read_document: Callable[..., Document]
) -> None:
    damaged = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx_bytes)) as archive, zipfile.ZipFile(damaged, "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "[Content_Types].xml":  # the part is then one of an unknown type
                content = content.replace(f'PartName="/{part}"'.encode(), b'PartName="/other.xml"')
            other.writestr(name, content)
    assert "The word lethal fell out of the draft." in read_document("a.docx", damaged.getvalue()).text


def test_member_that_cannot_be_unpacked_is_reported(docx_bytes: bytes, skip_reason: Callable[..., str]) -> None:
    damaged = bytearray(docx_bytes)
    with zipfile.ZipFile(io.BytesIO(docx_bytes)) as archive:
        at = archive.getinfo("word/document.xml").header_offset
    damaged[at + 60 : at + 70] = bytes(10)
    assert skip_reason("a.docx", bytes(damaged)).startswith("damaged, or not DOCX")
