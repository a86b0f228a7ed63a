"""PDF files built with reportlab, intact and damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
        mistyped = "." if number == 3 else ","
        draw_lines(canvas, 810, f"Report on the Project{mistyped} draft of May", size=9)
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


def omissions_of(document: Document) -> dict[str, tuple[int, ...]]:
    return {item.what: item.parts for item in document.coverage.omissions}


@pytest.mark.parametrize("degrees", [-0.8, 0.7, 90, 180, 270])
def test_leaning_and_turned_text_is_read(
    tmp_path: Path, read_document: Callable[..., Document], degrees: float
) -> None:
    def draw(canvas: Any) -> None:
        canvas.saveState()
        canvas.translate(300, 420)
        canvas.rotate(degrees)
        draw_lines(canvas, 60, "The weir at Ostby was raised in 1923, as the", "town's own books tell.", x=-150)
        canvas.restoreState()

    write_pdf(tmp_path / "t.pdf", [draw])
    assert read_document("t.pdf").text == "The weir at Ostby was raised in 1923, as the town's own books tell."


def test_pages_that_the_viewer_turns_are_read(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    def draw(turn: int) -> Callable[[Any], None]:
        def page(canvas: Any) -> None:
            canvas.setPageRotation(turn)
            canvas.saveState()
            canvas.rotate(turn)
            x, y = {90: (60, -300), 180: (-500, -300), 270: (-700, 300)}[turn]
            draw_lines(canvas, y, f"The page turned by {turn} degrees", "goes on in a second line.", x=x)
            canvas.restoreState()

        return page

    write_pdf(tmp_path / "t.pdf", [draw(90), draw(180), draw(270)])
    document = read_document("t.pdf")
    for turn in (90, 180, 270):
        assert f"The page turned by {turn} degrees goes on in a second line." in document.text
    assert (document.coverage.total, document.coverage.read) == (3, 3)


def test_words_beside_the_text_follow_it_and_slanted_ones_are_counted(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(canvas: Any) -> None:
        draw_lines(canvas, 700, *[PROSE[:70]] * 4)
        for angle, words in ((90, "Printed in Ostby"), (45, "DRAFT")):
            canvas.saveState()
            canvas.translate(40, 300)
            canvas.rotate(angle)
            draw_lines(canvas, 0, words, x=0, size=14)
            canvas.restoreState()

    write_pdf(tmp_path / "m.pdf", [draw])
    document = read_document("m.pdf")
    assert document.text.endswith("Printed in Ostby")
    assert "DRAFT" not in document.text
    assert omissions_of(document)["slanted text"] == (1,)


@pytest.mark.parametrize("columns", [2, 3])
def test_columns_drawn_line_by_line_are_read_column_by_column(
    tmp_path: Path, read_document: Callable[..., Document], columns: int
) -> None:
    width = 420 // columns
    texts = [
        [
            f"Column {n} tells of the {what} that",
            "was built of the grey stone which",
            "they broke on the hills",
            "above it.",
        ]
        for n, what in enumerate(("mill", "weir", "kiln")[:columns], 1)
    ]

    def draw(canvas: Any) -> None:
        draw_lines(
            canvas, 740, "A line over all columns stands here, as in many reports and leaflets of the town.", size=8
        )
        for row in range(4):
            for column in range(columns):
                draw_lines(canvas, 700 - 12 * row, texts[column][row], x=72 + column * (width + 30), size=8)

    write_pdf(tmp_path / "c.pdf", [draw])
    text = read_document("c.pdf").text
    for lines in texts:
        assert " ".join(lines) in text.replace("\n\n", " ")


def test_rows_of_a_table_stay_rows(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    rows = [("Station", "Height", "Remark"), ("Ostby", "412", "closed in winter"), ("Nore", "388", "new roof")] * 2

    def draw(canvas: Any) -> None:
        draw_lines(canvas, 740, *[PROSE[:80]] * 3)
        for n, row in enumerate(rows):
            for x, cell in zip((72, 200, 330), row, strict=True):
                draw_lines(canvas, 680 - 14 * n, cell, x=x)

    write_pdf(tmp_path / "t.pdf", [draw])
    assert "\nOstby; 412; closed in winter\nNore; 388; new roof\n" in read_document("t.pdf").text


def test_lines_at_the_edge_that_differ_in_their_figures_stay(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def page(n: int) -> Callable[[Any], None]:
        def draw(canvas: Any) -> None:
            draw_lines(canvas, 800, "Yearbook of the Ostby weir", size=9)
            draw_lines(canvas, 780, f"In {2010 + n} the weir let {70 + 3 * n} boats through.")
            draw_lines(canvas, 500, *[PROSE[:60]] * 2)
            draw_lines(canvas, 80, f"Its keeper was paid {900 + n * n} crowns in that year.")
            draw_lines(canvas, 25, str(n))

        return draw

    write_pdf(tmp_path / "y.pdf", [page(n) for n in (1, 2, 3, 4)])
    document = read_document("y.pdf")
    for n in (1, 2, 3, 4):
        assert f"In {2010 + n} the weir let {70 + 3 * n} boats through." in document.text
        assert f"paid {900 + n * n} crowns" in document.text
    assert "Yearbook" not in document.text
    assert omissions_of(document)["running heads"] == omissions_of(document)["page numbers"] == (1, 2, 3, 4)


def test_contents_go_and_a_price_list_with_dot_leaders_stays(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def leaders(*rows: tuple[str, int]) -> list[str]:
        return [f"{name} {'. ' * 30}{number}" for name, number in rows]

    def contents(canvas: Any) -> None:
        y = draw_lines(canvas, 740, "Contents", size=16)
        draw_lines(canvas, y, *leaders(("The weir", 2), ("The boats", 2), ("Tolls", 3)))

    def chapters(canvas: Any) -> None:
        y = draw_lines(canvas, 740, "The weir", size=16) - 10
        y = draw_lines(canvas, y, *[PROSE[:70]] * 3) - 10
        draw_lines(canvas, draw_lines(canvas, y, "The boats", size=16) - 10, *[PROSE[:70]] * 3)

    def tolls(canvas: Any) -> None:
        y = draw_lines(canvas, 740, "Tolls", size=16) - 10
        draw_lines(canvas, y, *leaders(("A rowing boat", 3), ("A barge", 25), ("A raft", 140), ("A swimmer", 1)))

    write_pdf(tmp_path / "l.pdf", [contents, chapters, tolls])
    document = read_document("l.pdf")
    assert "A rowing boat .... 3\nA barge .... 25\nA raft .... 140\nA swimmer .... 1" in document.text
    assert "The weir ...." not in document.text
    assert omissions_of(document)["contents"] == (1,)
    assert (document.coverage.total, document.coverage.read) == (3, 2)


def test_values_of_a_form_stand_beside_their_labels(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    def draw(canvas: Any) -> None:
        for y, label, value in ((700, "Boat:", "Grey Heron"), (670, "Owner:", "Per Nilsen")):
            draw_lines(canvas, y, label)
            canvas.acroForm.textfield(name=label, value=value, x=150, y=y - 5, width=200, height=18, fontSize=11)
        draw_lines(canvas, 640, "Licensed")
        canvas.acroForm.checkbox(name="ok", checked=True, x=150, y=636, size=14)

    write_pdf(tmp_path / "f.pdf", [draw])
    text = read_document("f.pdf").text
    assert "Boat: Grey Heron" in text
    assert "Owner: Per Nilsen" in text
    assert "Licensed [x]" in text


def test_text_under_a_black_box_is_not_read(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    def draw(canvas: Any) -> None:
        line = "The keeper of the weir was Anders Holm until the autumn of 1931."
        draw_lines(canvas, 700, line)
        start = 72 + canvas.stringWidth("The keeper of the weir was ", "Times-Roman", 11)
        canvas.rect(start - 1, 697, canvas.stringWidth("Anders Holm", "Times-Roman", 11) + 1, 11, fill=1, stroke=0)
        draw_lines(canvas, 660, *[PROSE[:80]] * 3)
        draw_lines(canvas, 500, "Nobody may read this line of text.")
        canvas.rect(60, 480, 400, 50, fill=1, stroke=0)

    write_pdf(tmp_path / "b.pdf", [draw])
    document = read_document("b.pdf")
    assert "The keeper of the weir was [redacted] until the autumn of 1931." in document.text
    assert "Holm" not in document.text
    assert "Nobody" not in document.text
    assert omissions_of(document)["text under black boxes"] == (1,)


def test_what_nobody_sees_is_left_out_and_a_scan_s_text_layer_is_read(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(canvas: Any) -> None:
        draw_lines(canvas, 700, "The ferry runs from May to September.")
        canvas.setFillGray(1)
        draw_lines(canvas, 680, "White words say that it sank.")
        canvas.setFillGray(0)
        draw_lines(canvas, 660, "Tiny words say that it burned.", size=0.8)
        draw_lines(canvas, -40, "Words off the page say that it was sold.")
        canvas.setFillColorRGB(0, 0, 0.4)
        canvas.rect(60, 590, 300, 30, fill=1, stroke=0)
        canvas.setFillGray(1)
        draw_lines(canvas, 600, "White words on blue are read.")

    def scan(canvas: Any) -> None:
        canvas.drawInlineImage(grey_picture(), 0, 0, 595, 842)
        text = canvas.beginText(80, 700)
        text.setFont("Helvetica", 11)
        text.setTextRenderMode(3)
        text.textLine("The scanned page tells of the winter ferry.")
        canvas.drawText(text)

    write_pdf(tmp_path / "h.pdf", [draw, scan])
    document = read_document("h.pdf")
    for words in ("from May to September", "White words on blue are read.", "tells of the winter ferry."):
        assert words in document.text
    for words in ("sank", "burned", "sold"):
        assert words not in document.text
    assert omissions_of(document)["hidden text"] == (1,)


def grey_picture() -> Any:
    from PIL import Image

    return Image.new("L", (40, 60), 200)


def test_pages_without_text_are_named(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    def words(canvas: Any) -> None:
        draw_lines(canvas, 700, "The first page has words.")

    write_pdf(
        tmp_path / "p.pdf",
        [words, lambda canvas: canvas.drawInlineImage(grey_picture(), 0, 0, 595, 842), lambda canvas: None],
    )
    document = read_document("p.pdf")
    assert (document.coverage.unit, document.coverage.total, document.coverage.read) == ("page", 3, 1)
    assert omissions_of(document)["no text layer"] == (2,)
    assert omissions_of(document)["blank pages"] == (3,)
    assert [item.what for item in document.coverage.omissions if item.lost] == ["no text layer"]


def test_letters_that_a_wrong_table_gives_are_not_read() -> None:
    from rag.ingest.pdf.fonts import is_gibberish

    shifted = str.maketrans("abcdefghijklmnopqrstuvwxyz", "bcdefghijklmnopqrstuvwxyza")
    assert not is_gibberish([PROSE] * 3)
    other = "The weir at Ostby was raised in 1923, as the town's own books tell. Its keeper was paid and housed by it. "
    assert is_gibberish([(PROSE + other).lower().translate(shifted)])
    assert is_gibberish(["\ufffd" * 12])
