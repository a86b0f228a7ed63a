"""What stands around the text of a PDF page: footnotes, running feet, numbers of lines, and the title of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.types import Document
from tests.ingest.test_pdf import PROSE, draw_lines, write_pdf


def draw_with_mark(canvas: Any, y: float, text: str, mark: str, x: float = 72, size: float = 11) -> float:
    """Draw a line that ends with a raised mark."""
    below = draw_lines(canvas, y, text, x=x, size=size)
    draw_lines(canvas, y + 4, mark, x=x + canvas.stringWidth(text, "Times-Roman", size), size=6)
    return below


def draw_note(canvas: Any, y: float, mark: str, *texts: str, x: float = 72, size: float = 8) -> float:
    """Draw a footnote with a raised mark."""
    draw_lines(canvas, y + 3, mark, size=5, x=x)
    return draw_lines(canvas, y, *texts, size=size, x=x + 5)


def test_small_table_caption_and_paragraph_below_a_rule_stay(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(canvas: Any) -> None:
        y = draw_with_mark(canvas, 760, PROSE[:80], "2")
        y = draw_lines(canvas, y, *[PROSE[:80]] * 8) - 10
        canvas.line(72, y + 12, 500, y + 12)
        for row in (("Item", "Cost in dollars"), ("2 Locks", "340"), ("Doors", "1,200")):
            draw_lines(canvas, y, row[0], size=9)
            y = draw_lines(canvas, y, row[1], size=9, x=250)
        y = draw_lines(canvas, y - 10, "Table 1: The costs of the repair by item.", size=9)
        draw_lines(canvas, y - 10, "(4) The owner bears the costs of every repair.", size=9)

    write_pdf(tmp_path / "t.pdf", [draw])
    document = read_document("t.pdf")
    for kept in ("Doors; 1,200", "2 Locks; 340", "Table 1: The costs", "(4) The owner bears"):
        assert kept in document.text
    assert "footnotes" not in document.metadata


def test_footnotes_of_each_column_are_removed_and_the_sentence_stays_whole(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(canvas: Any) -> None:
        for x, mark, last in ((60, "1", "The price was agreed before the"), (320, "2", "They never met again at all.")):
            y = draw_with_mark(canvas, 760, "They talked of the house for weeks.", mark, x=x)
            y = draw_lines(canvas, y, *["and each of them remembered it well"] * 30, last, x=x)
            draw_note(canvas, 80, mark, "See the letter of the third of May, and", "the answer to it in the file.", x=x)

    write_pdf(tmp_path / "c.pdf", [draw])
    document = read_document("c.pdf")
    assert "agreed before the They talked of the house" in document.text
    assert "letter of the third" not in document.text
    assert "answer to it" not in document.text
    assert document.metadata["footnotes"] == "2 left out"


def test_footnote_that_breaks_off_is_removed_on_the_next_page_too(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def first(canvas: Any) -> None:
        y = draw_with_mark(canvas, 700, PROSE[:80], "1")
        draw_lines(canvas, y, *[PROSE[:80]] * 3)
        draw_note(canvas, 70, "1", (PROSE * 2)[:128])

    def second(canvas: Any) -> None:
        draw_lines(canvas, 700, *[PROSE[:80]] * 3)
        draw_lines(canvas, 70, "which is told at length in the minutes.", size=8)

    def third(canvas: Any) -> None:
        draw_lines(canvas, 700, *[PROSE[:80]] * 3)
        draw_lines(canvas, 70, "A remark in small type that continues nothing.", size=8)

    write_pdf(tmp_path / "n.pdf", [first, second, third])
    text = read_document("n.pdf").text
    assert "told at length" not in text
    assert "continues nothing" in text


def test_footnote_as_large_as_the_text_is_removed_below_a_rule_only(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(rule: bool) -> Callable[[Any], None]:
        def draw_page(canvas: Any) -> None:
            y = draw_with_mark(canvas, 760, PROSE[:80], "1")
            draw_lines(canvas, y, *[PROSE[:80]] * 3)
            if rule:
                canvas.line(72, 92, 200, 92)
            draw_note(canvas, 78, "1", "The court has heard the case before.", size=11)

        return draw_page

    write_pdf(tmp_path / "ruled.pdf", [draw(True)])
    write_pdf(tmp_path / "plain.pdf", [draw(False)])
    assert "heard the case" not in read_document("ruled.pdf").text
    assert "heard the case" in read_document("plain.pdf").text


def test_numbered_references_in_small_type_stay(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    def draw(canvas: Any) -> None:
        y = draw_with_mark(canvas, 760, PROSE[:80], "2")
        draw_lines(canvas, y, *[PROSE[:80]] * 20)
        draw_lines(canvas, 150, *[f"{n} A. Writer, The {n}th book of houses, 1960." for n in range(1, 7)], size=9)

    write_pdf(tmp_path / "l.pdf", [draw])
    text = read_document("l.pdf").text
    assert all(f"The {n}th book" in text for n in range(1, 7))


def test_running_foot_with_the_number_of_pages_is_removed(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def page(number: int) -> Callable[[Any], None]:
        def draw(canvas: Any) -> None:
            draw_lines(canvas, 760, *[f"{PROSE[:70]} {number}"] * 3)
            draw_lines(canvas, 30, f"Journal of Houses, June 2018 {number} / 4", size=8)

        return draw

    write_pdf(tmp_path / "f.pdf", [page(number) for number in (1, 2, 3, 4)])
    assert "Journal" not in read_document("f.pdf").text


def test_numbers_of_the_lines_of_a_transcript_are_removed_and_those_of_a_table_stay(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def transcript(canvas: Any) -> None:
        for number in range(1, 26):
            draw_lines(canvas, 770 - 28 * number, str(number), x=60)
        for number in range(2, 26):
            draw_lines(canvas, 770 - 28 * number, "the witness said so, and the counsel asked again", x=110)

    def table(canvas: Any) -> None:
        for number in range(1, 13):
            draw_lines(canvas, 500 - 14 * number, str(number), x=60)
        draw_lines(canvas, 480, *[PROSE[:60]] * 12, x=110)

    write_pdf(tmp_path / "transcript.pdf", [transcript])
    write_pdf(tmp_path / "table.pdf", [table])
    assert not any(char.isdigit() for char in read_document("transcript.pdf").text)
    assert "12" in read_document("table.pdf").text


def test_title_of_a_pdf_that_is_a_code_gives_way_to_the_largest_heading_or_the_file(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    def draw(title: str, heading: str) -> Callable[[Any], None]:
        def draw_page(canvas: Any) -> None:
            canvas.setTitle(title)
            draw_lines(canvas, 780, heading, size=20)
            draw_lines(canvas, 700, *[PROSE[:80]] * 4)

        return draw_page

    write_pdf(tmp_path / "a.pdf", [draw("47698", "The Old Houses")])
    write_pdf(tmp_path / "old-barns.pdf", [draw("10811.exe", "")])
    write_pdf(tmp_path / "c.pdf", [draw("The Barns of 1911", "Chapter One")])
    titles = [read_document(name).title for name in ("a.pdf", "old-barns.pdf", "c.pdf")]
    assert titles == ["The Old Houses", "Old barns", "The Barns of 1911"]
