"""OpenDocument text, intact and hostile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from rag.types import Document

NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "style": "style",
        "draw": "drawing",
        "meta": "meta",
    }.items()
)
DUBLIN_CORE = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'


def odt(body: str, *, styles: str = "", meta: str = "", before: str = "", **parts: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr(
            "content.xml",
            f"{before}<office:document-content {NAMESPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        )
        archive.writestr("meta.xml", f"<office:document-meta {NAMESPACES} {DUBLIN_CORE}>{meta}</office:document-meta>")
        for name, content in parts.items():
            archive.writestr(f"{name}.xml", content)
    return data.getvalue()


def counts(document: Document) -> dict[str, int]:
    return {item.what: item.count for item in document.coverage.omissions}


def test_headings_paragraphs_and_nested_lists_are_read(read_document: Callable[..., Document]) -> None:
    styles = (
        "<style:style style:name='P1' style:parent-style-name='Title'/>"
        "<style:style style:name='P2' style:parent-style-name='Heading_20_2'/>"
    )
    inner = "<text:list-item><text:p>Ostby</text:p><text:p>opens at seven</text:p></text:list-item>"
    body = (
        "<text:p text:style-name='P1'>The locks</text:p>"
        "<text:h text:outline-level='1'><text:number>1</text:number>Boats</text:h>"
        "<text:p>A lock<text:s/><text:s text:c='2'/>is <text:span>shut</text:span>.<text:line-break/>It opens.</text:p>"
        f"<text:list><text:list-item><text:p>South</text:p><text:list>{inner}</text:list></text:list-item>"
        "<text:list-item><text:h text:outline-level='2'>North</text:h></text:list-item></text:list>"
        "<text:p text:style-name='P2'>Ships</text:p><text:p>None.</text:p>"
    )
    meta = "<dc:title>Other</dc:title><meta:creation-date>2021-03-04T10:00:00</meta:creation-date>"
    document = read_document("a.odt", odt(body, styles=styles, meta=meta))
    assert (document.title, document.date) == ("The locks", "2021-03-04")
    assert document.text == (
        "Boats\n\nA lock is shut.\nIt opens.\n\n- South\n– Ostby opens at seven\n\nNorth\n\nShips\n\nNone."
    )
    assert [(heading.text, heading.level) for heading in document.headings] == [
        ("Boats", 1),
        ("North", 2),
        ("Ships", 2),
    ]


def test_tables_have_their_header_and_spans(read_document: Callable[..., Document]) -> None:
    def row(*cells: str) -> str:
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    def cell(text: str, attributes: str = "") -> str:
        return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"

    covered = "<table:covered-table-cell/>"
    body = (
        "<table:table><table:table-header-rows>"
        + row(cell("Lock"), cell("Year"), cell("Boats"))
        + "</table:table-header-rows>"
        + row(cell("Ostby", "table:number-rows-spanned='2'"), cell("2001"), cell("4"))
        + row(covered, cell("2002"), cell("5"))
        + row(cell("Total", "table:number-columns-spanned='2'"), covered, cell("9"))
        + "</table:table>"
    )
    assert read_document("a.odt", odt(body)).text == "Lock; Year; Boats\nOstby; 2001; 4\nOstby; 2002; 5\nTotal; 9"


def test_notes_deletions_and_hidden_text_are_left_out(read_document: Callable[..., Document]) -> None:
    styles = (
        "<style:style style:name='T1' style:family='text'><style:text-properties text:display='none'/></style:style>"
    )
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>deleted</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        "<text:table-of-content><text:index-body><text:p>Contents 1</text:p></text:index-body></text:table-of-content>"
        "<text:p>The lock<text:note text:note-class='footnote'>"
        "<text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>A note.</text:p></text:note-body></text:note> opens<office:annotation><text:p>Really?</text:p>"
        "</office:annotation><text:change/>.<text:span text:style-name='T1'>secret</text:span>"
        "<draw:frame><draw:text-box><text:p>In a box.</text:p></draw:text-box></draw:frame>"
        "<draw:frame><draw:object/><draw:image/></draw:frame></text:p>"
    )
    document = read_document("a.odt", odt(body, styles=styles))
    assert document.text == "The lock opens.\n\nIn a box."
    assert counts(document) == {"embedded objects": 1, "footnotes": 1, "comments": 1, "contents": 1, "hidden text": 1}


def test_hostile_files_are_refused_or_bounded(
    read_document: Callable[..., Document], skip_reason: Callable[..., str]
) -> None:
    entity = "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
    assert read_document("a.odt", odt("<text:p>x &e; y</text:p>", before=entity)).text == "x y"
    repeated = "<table:table-cell table:number-columns-repeated='999999999'><text:p>a</text:p></table:table-cell>"
    rows = f"<table:table><table:table-row>{repeated}</table:table-row></table:table>"
    assert len(read_document("b.odt", odt(f"{rows}<text:p>b<text:s text:c='999999999'/>c</text:p>")).text) < 1000
    assert "Excessive depth" in skip_reason(
        "c.odt", odt("<text:p>" + "<text:a>" * 500 + "</text:a>" * 500 + "</text:p>")
    )
    assert "refused as a zip bomb" in skip_reason("d.odt", odt(" " * 20_000_000))


def test_encrypted_damaged_and_other_files_are_reported(skip_reason: Callable[..., str]) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("content.xml", "random")
        archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
    assert skip_reason("a.odt", data.getvalue()) == "encrypted: it needs a password"
    sheet = odt("").replace(b"office:text", b"office:texd")
    assert skip_reason("b.odt", b"PK\x03\x04" + sheet[4:60]).startswith("a truncated or damaged file")


def test_a_title_in_a_text_box_is_read(read_document: Callable[..., Document]) -> None:
    box = '<draw:frame><draw:text-box><text:p text:style-name="Title">The locks</text:p></draw:text-box></draw:frame>'
    document = read_document("a.odt", odt(f"<text:p>{box}</text:p><text:p>They open at seven.</text:p>"))
    assert "The locks" in f"{document.title}\n{document.text}"
    assert "They open at seven." in document.text


def test_covered_cells_repeat_the_one_above_each(read_document: Callable[..., Document]) -> None:
    high = "".join(
        f'<table:table-cell table:number-rows-spanned="2"><text:p>{text}</text:p></table:table-cell>' for text in "AB"
    )
    covered = '<table:covered-table-cell table:number-columns-repeated="2"/>'
    rows = [f"{high}<table:table-cell><text:p>x</text:p></table:table-cell>"]
    rows.append(f"{covered}<table:table-cell><text:p>y</text:p></table:table-cell>")
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    assert read_document("a.odt", odt(f"<table:table>{table}</table:table>")).text == "A; B; x\nA; B; y"


def test_what_hides_a_span_hides_no_paragraph_of_that_name(read_document: Callable[..., Document]) -> None:
    hide = '<style:text-properties text:display="none"/>'
    styles = f'<style:style style:name="X" style:family="text">{hide}</style:style>'
    styles += '<style:style style:name="Y" style:family="text" style:parent-style-name="X"/>'
    body = '<text:p text:style-name="X">Shown.<text:span text:style-name="Y"> Hidden.</text:span></text:p>'
    assert read_document("a.odt", odt(body, styles=styles)).text == "Shown."
