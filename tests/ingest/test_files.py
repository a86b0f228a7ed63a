"""PDF, DOCX, PPTX and EPUB, built here with real writers, whole and broken."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.ingest import extract, find
from rag.types import Document

ROOT = Path(__file__).parents[2]
PROSE = "The negotiations went on for months, and each of those who took part remembered them in his own way. "


def read(path: Path) -> Document:
    (source,) = find([str(path)])
    documents, problems = extract(source)  # type: ignore[arg-type]
    assert not problems, problems
    (document,) = documents
    for heading in document.headings:
        assert document.text[heading.start : heading.end] == heading.text
    return document


def why_not(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    (source,) = find([str(path)])
    documents, problems = extract(source)  # type: ignore[arg-type]
    assert not documents
    (problem,) = problems
    assert problem.path == str(path)
    return problem.reason


def headings(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.text) for heading in document.headings]


def page_of(document: Document, words: str) -> int:
    at = document.text.index(words)
    return sum(start <= at for start in document.page_starts)


# ---- PDF -----------------------------------------------------------------------------------------------------------


def pdf(path: Path, draw: list[Callable[[Any], None]], **options: Any) -> Path:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=A4, **options)
    for page in draw:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return path


def lines(canvas: Any, y: float, *texts: str, size: float = 11, font: str = "Times-Roman", x: float = 72) -> float:
    for text in texts:
        canvas.setFont(font, size)
        canvas.drawString(x, y, text)
        y -= 1.25 * size
    return y


def report_page(number: int) -> Callable[[Any], None]:
    def draw(canvas: Any) -> None:
        lines(canvas, 810, "Report on the Project, draft of May", size=9)
        lines(canvas, 30, f"Page {number} of 3", size=9)
        y = 760.0
        if number == 1:
            y = lines(canvas, y, "Report on the Project", size=20, font="Times-Bold") - 6
            y = lines(canvas, y, "Date: 12 May 2016") - 8
            y = lines(canvas, y, "1. The Beginnings", size=14, font="Times-Bold") - 4
            y = lines(canvas, y, "The letter was signed in October, as the company's own files show and")
            canvas.setFont("Times-Roman", 11)
            canvas.drawString(72, y, "as its lawyer said.")
            canvas.setFont("Times-Roman", 7)
            canvas.drawString(72 + canvas.stringWidth("as its lawyer said.", "Times-Roman", 11), y + 4, "12")
            canvas.setFont("Times-Roman", 11)
            canvas.drawString(182, y, "It covered 400 m of ground and the inter-")
            y = lines(canvas, y - 13.75, "ference of others was not foreseen. On the second day of the talks the two")
            y = lines(canvas, y, "sides came back to what they had left open, and before they parted they")
            lines(canvas, 90, "12", size=6)
            lines(canvas, 86, "See the letter of 28 October 2015, at 3.", size=8, x=80)
        elif number == 2:
            y = lines(canvas, y, "agreed on a price, which neither of them ever paid in the years that came.") - 14
            y = lines(canvas, y, "2. The End", size=14, font="Times-Bold") - 4
            y = lines(canvas, y, *[PROSE.strip()[:70]] * 4)
        else:
            lines(canvas, y, "Last words of the report stand here.")

    return draw


def test_pdf_pages_headings_and_furniture(tmp_path: Path) -> None:
    document = read(pdf(tmp_path / "r.pdf", [report_page(n) for n in (1, 2, 3)]))
    assert (document.title, document.date) == ("Report on the Project", "2016-05-12")
    assert [text for _, text in headings(document)] == ["1. The Beginnings", "2. The End"]
    for junk in ("Page 1", "draft of May", "letter of 28", "said.12", "Date:"):
        assert junk not in document.text
    assert "as its lawyer said. It covered 400 m of ground and the interference of others" in document.text
    assert "before they parted they agreed on a price" in document.text, "whole across the page break"
    assert len(document.page_starts) == 3
    assert (page_of(document, "The letter was"), page_of(document, "agreed on"), page_of(document, "Last words")) == (
        1,
        2,
        3,
    )
    assert document.metadata["footnotes"] == "1 left out"


def test_a_pdf_outline_gives_the_levels_and_splits_a_heading_from_its_paragraph(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        canvas.setTitle("A Report")
        canvas.bookmarkPage("a")
        canvas.addOutlineEntry("The Beginnings", "a", 0)
        canvas.bookmarkPage("b")
        canvas.addOutlineEntry("First Contact", "b", 1)
        y = lines(canvas, 760, "I. The Beginnings", size=12, font="Times-Bold") - 6
        y = lines(canvas, y, PROSE[:90], PROSE[:80]) - 6
        lines(canvas, y, "a. First Contact They met in the summer of 2015 at a hotel,", "and then not again.")

    document = read(pdf(tmp_path / "o.pdf", [draw]))
    assert headings(document) == [(1, "I. The Beginnings"), (2, "a. First Contact")]
    assert "\n\nThey met in the summer of 2015 at a hotel, and then not again." in document.text


def test_a_black_box_is_a_redaction_and_a_dark_table_head_is_not(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, 700, "The witness said that")
        canvas.rect(180, 697, 120, 10, fill=1, stroke=0)
        lines(canvas, 700, "had called him twice before the vote was taken.", x=305)
        canvas.rect(70, 597, 300, 14, fill=1, stroke=0)
        canvas.setFillColorRGB(1, 1, 1)
        lines(canvas, 600, "Head of a table")
        canvas.setFillColorRGB(0, 0, 0)
        lines(canvas, 560, *[PROSE[:80]] * 3)

    document = read(pdf(tmp_path / "b.pdf", [draw]))
    assert "The witness said that [redacted] had called him twice before the vote was taken." in document.text
    assert document.text.count("[redacted]") == 1


def test_an_encrypted_pdf_is_told(tmp_path: Path) -> None:
    path = pdf(tmp_path / "x.pdf", [report_page(3)], encrypt="secret")
    assert "encrypted" in why_not(path, path.read_bytes())


def test_broken_and_empty_pdfs_are_told(tmp_path: Path) -> None:
    assert "damaged" in why_not(tmp_path / "x.pdf", b"%PDF-1.7\n garbage")
    blank = pdf(tmp_path / "scan.pdf", [lambda canvas: canvas.rect(100, 100, 200, 300, fill=1)])
    assert "a scan? it needs OCR first" in why_not(blank, blank.read_bytes())


def test_the_corpus_is_built_byte_for_byte_the_same(tmp_path: Path) -> None:
    head = "---\ntitle: On “Sanctions”\ndate: 2017-08-02\n---\n\n# On “Sanctions”"
    text = f"{head}\n\n{PROSE * 30}\n\n## Public records\n\n- One\n- Two\n"
    (tmp_path / "a.pdf.md").write_text(text)
    (tmp_path / "a.docx.md").write_text(text)
    command = [sys.executable, str(ROOT / "corpus" / "sources" / "build.py"), "--sources", str(tmp_path)]
    subprocess.run([*command, "--out", str(tmp_path)], check=True, capture_output=True, timeout=60)
    first = {name: (tmp_path / name).read_bytes() for name in ("a.pdf", "a.docx")}
    os.utime(tmp_path / "a.pdf.md", (1, 1))
    assert subprocess.run([*command, "--out", str(tmp_path), "--check"], check=False, timeout=60).returncode == 0
    for name in first:
        document = read(tmp_path / name)
        assert (document.title, document.date) == ("On “Sanctions”", "2017-08-02")
        assert [text for _, text in headings(document)] == ["Public records"]
        assert document.text.endswith("- One\n- Two")
        assert document.text.count("each of those who took part remembered them in his own way.") == 30
    assert len(read(tmp_path / "a.pdf").page_starts) == 2


# ---- DOCX, PPTX ----------------------------------------------------------------------------------------------------


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
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("who", "when"), ("Gordon", "July")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def test_docx_styles_lists_and_tables(tmp_path: Path) -> None:
    (tmp_path / "p.docx").write_bytes(docx_bytes())
    document = read(tmp_path / "p.docx")
    assert (document.title, document.date) == ("The Platform Change", "2016-07-18")
    assert headings(document) == [(1, "What was changed"), (2, "By whom")]
    assert document.text == (
        "What was changed\n\nThe word lethal fell out of the draft.\n\nBy whom\n\n- one man\n- another man\n\n"
        "who; when\nGordon; July"
    )


def test_docx_reads_tracked_insertions_and_content_controls_and_no_deletions(tmp_path: Path) -> None:
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
    assert read(tmp_path / "t.docx").text == "They met twice\n\nIn a control."


def test_a_truncated_docx_is_told(tmp_path: Path) -> None:
    assert "truncated" in why_not(tmp_path / "t.docx", docx_bytes()[:5000])
    assert "not DOCX" in why_not(tmp_path / "n.docx", b"not a zip at all")
    assert "encrypted" in why_not(tmp_path / "e.docx", b"\xd0\xcf\x11\xe0" + b"\0" * 600)


def test_pptx_slides_are_pages(tmp_path: Path) -> None:
    from pptx import Presentation

    deck = Presentation()
    for title, body in (("The Offer", "An apartment was offered."), ("The Reply", "Nobody replied.")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    deck.slides[1].notes_slide.notes_text_frame.text = "Said by the speaker."
    deck.save(str(tmp_path / "d.pptx"))
    document = read(tmp_path / "d.pptx")
    assert headings(document) == [(1, "The Reply")], "the first slide's title is the deck's"
    assert document.title == "The Offer"
    assert document.text == "An apartment was offered.\n\nThe Reply\n\nNobody replied.\n\nSaid by the speaker."
    assert (page_of(document, "An apartment"), page_of(document, "Nobody"), len(document.page_starts)) == (1, 2, 2)


# ---- EPUB ----------------------------------------------------------------------------------------------------------

PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Book</dc:title>
<dc:date>2019-06-23</dc:date></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="notes" href="notes.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/>
<itemref idref="notes" linear="no"/></spine></package>"""


def epub(path: Path, **chapters: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="O/c.opf"/></rootfiles></container>'
        )
        book.writestr("O/c.opf", PACKAGE)
        for name, content in chapters.items():
            book.writestr(f"O/{name.replace('_', ' ')}.xhtml", content)
    return path


def test_epub_chapters_follow_the_spine(tmp_path: Path) -> None:
    chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><body><h1>{}</h1><p>{}<a href='#fn1'>1</a></p></body></html>"
    path = epub(
        tmp_path / "b.epub",
        two_b=chapter.format("Two", "Second text.").encode(),
        one=chapter.format("One", "First text.").encode(),
        nav=chapter.format("Contents", "One, Two").encode(),
        notes=chapter.format("Notes", "A note.").encode(),
    )
    document = read(path)
    assert (document.title, document.date) == ("A Book", "2019-06-23")
    assert document.text == "One\n\nFirst text.\n\nTwo\n\nSecond text."


def test_a_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = epub(tmp_path / "bomb.epub", one=b" " * 20_000_000)
    assert path.stat().st_size < 100_000
    assert "zip bomb" in why_not(path, path.read_bytes())


def test_an_epub_without_its_package_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.epub", "w") as book:
        book.writestr("mimetype", "application/epub+zip")
    assert "container.xml is missing" in why_not(tmp_path / "x.epub", (tmp_path / "x.epub").read_bytes())


@pytest.mark.parametrize("suffix", ["pdf", "docx", "pptx", "epub", "html", "md", "txt", "csv", "jsonl"])
def test_no_bytes_make_extraction_raise(tmp_path: Path, suffix: str) -> None:
    for content in (
        b"\0" * 300,
        b"PK\x03\x04" + bytes(range(256)),
        b"%PDF-1.4\n%%EOF",
        bytes(range(256)) * 8,
        b"\xff\xfe<a>",
    ):
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(content)
        (source,) = find([str(path)])
        documents, problems = extract(source)  # type: ignore[arg-type]
        assert documents or problems, content[:20]
