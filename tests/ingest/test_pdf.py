"""PDF files built with reportlab, intact and damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.types import Document

PROSE = "The negotiations went on for months, and each of those who took part remembered them in his own way. "


def write_pdf(path: Path, pages: list[Callable[[Any], None]], **options: Any) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=A4, **options)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()


def draw_lines(canvas: Any, y: float, *texts: str, size: float = 11, font: str = "Times-Roman", x: float = 72) -> float:
    """Draw one line below the other and return the height of the next."""
    for text in texts:
        canvas.setFont(font, size)
        canvas.drawString(x, y, text)
        y -= 1.25 * size
    return y


def report_page(number: int) -> Callable[[Any], None]:
    """A page of a report with running head and foot, a footnote, hyphenation and a paragraph across a page break."""

    def draw(canvas: Any) -> None:
        draw_lines(canvas, 810, "Report on the Project, draft of May", size=9)
        draw_lines(canvas, 30, f"Page {number} of 3", size=9)
        y = 760.0
        if number == 1:
            y = draw_lines(canvas, y, "Report on the Project", size=20, font="Times-Bold") - 6
            y = draw_lines(canvas, y, "Date: 12 May 2016") - 8
            y = draw_lines(canvas, y, "1. The Beginnings", size=14, font="Times-Bold") - 4
            y = draw_lines(canvas, y, "The letter was signed in October, as the company's own files show and")
            canvas.setFont("Times-Roman", 11)
            canvas.drawString(72, y, "as its lawyer said.")
            canvas.setFont("Times-Roman", 7)
            canvas.drawString(72 + canvas.stringWidth("as its lawyer said.", "Times-Roman", 11), y + 4, "12")
            canvas.setFont("Times-Roman", 11)
            canvas.drawString(182, y, "It covered 400 m of ground and the inter-")
            y = draw_lines(
                canvas, y - 13.75, "ference of others was not foreseen. On the second day of the talks the two"
            )
            y = draw_lines(canvas, y, "sides came back to what they had left open, and before they parted they")
            draw_lines(canvas, 90, "12", size=6)
            draw_lines(canvas, 86, "See the letter of 28 October 2015, at 3.", size=8, x=80)
        elif number == 2:
            y = draw_lines(canvas, y, "agreed on a price, which neither of them ever paid in the years that came.") - 14
            y = draw_lines(canvas, y, "2. The End", size=14, font="Times-Bold") - 4
            y = draw_lines(canvas, y, *[PROSE.strip()[:70]] * 4)
        else:
            draw_lines(canvas, y, "Last words of the report stand here.")

    return draw


def page_of(document: Document, words: str) -> int:
    at = document.text.index(words)
    return sum(start <= at for start in document.page_starts)


def test_pages_and_headings_stay_and_running_heads_and_footnotes_are_removed(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    write_pdf(tmp_path / "r.pdf", [report_page(n) for n in (1, 2, 3)])
    document = read_document("r.pdf")
    assert (document.title, document.date) == ("Report on the Project", "2016-05-12")
    assert [heading.text for heading in document.headings] == ["1. The Beginnings", "2. The End"]
    for removed in ("Page 1", "draft of May", "letter of 28", "said.12", "Date:"):
        assert removed not in document.text
    assert "as its lawyer said. It covered 400 m of ground and the interference of others" in document.text
    assert "before they parted they agreed on a price" in document.text, "whole across the page break"
    assert len(document.page_starts) == 3
    assert [page_of(document, words) for words in ("The letter was", "agreed on", "Last words")] == [1, 2, 3]
    assert document.metadata["footnotes"] == "1 left out"


def test_outline_gives_heading_levels_and_splits_a_heading_from_its_paragraph(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(canvas: Any) -> None:
        canvas.setTitle("A Report")
        canvas.bookmarkPage("a")
        canvas.addOutlineEntry("The Beginnings", "a", 0)
        canvas.bookmarkPage("b")
        canvas.addOutlineEntry("First Contact", "b", 1)
        y = draw_lines(canvas, 760, "I. The Beginnings", size=12, font="Times-Bold") - 6
        y = draw_lines(canvas, y, PROSE[:90], PROSE[:80]) - 6
        draw_lines(canvas, y, "a. First Contact They met in the summer of 2015 at a hotel,", "and then not again.")

    write_pdf(tmp_path / "o.pdf", [draw])
    document = read_document("o.pdf")
    found = [(heading.level, heading.text) for heading in document.headings]
    assert found == [(1, "I. The Beginnings"), (2, "a. First Contact")]
    assert "\n\nThey met in the summer of 2015 at a hotel, and then not again." in document.text


def test_black_box_is_a_redaction_and_a_dark_table_head_is_not(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(canvas: Any) -> None:
        draw_lines(canvas, 700, "The witness said that")
        canvas.rect(180, 697, 120, 10, fill=1, stroke=0)
        draw_lines(canvas, 700, "had called him twice before the vote was taken.", x=305)
        canvas.rect(70, 597, 300, 14, fill=1, stroke=0)
        canvas.setFillColorRGB(1, 1, 1)
        draw_lines(canvas, 600, "Head of a table")
        canvas.setFillColorRGB(0, 0, 0)
        draw_lines(canvas, 560, *[PROSE[:80]] * 3)

    write_pdf(tmp_path / "b.pdf", [draw])
    document = read_document("b.pdf")
    assert "The witness said that [redacted] had called him twice before the vote was taken." in document.text
    assert document.text.count("[redacted]") == 1


def test_encrypted_pdf_is_reported(tmp_path: Path, skip_reason: Callable[..., str]) -> None:
    write_pdf(tmp_path / "x.pdf", [report_page(3)], encrypt="secret")
    assert "an encrypted PDF: it needs a password" in skip_reason("x.pdf")


def test_damaged_pdf_is_reported(skip_reason: Callable[..., str]) -> None:
    assert "a damaged PDF" in skip_reason("x.pdf", b"%PDF-1.7\n garbage")


def test_pdf_without_text_is_reported_as_a_scan(tmp_path: Path, skip_reason: Callable[..., str]) -> None:
    write_pdf(tmp_path / "scan.pdf", [lambda canvas: canvas.rect(100, 100, 200, 300, fill=1)])
    assert "a scan? it needs OCR first" in skip_reason("scan.pdf")
