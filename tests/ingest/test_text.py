from __future__ import annotations

from collections.abc import Callable

from rag.types import Document

TEXT = """The Hamburg Meeting
Date: 2017-07-07

The two presidents met for over two hours at the G20
summit; an inter-
preter was present.

Public records
- White House statement of 7 July 2017
- Report of the Senate committee, volume 5

What Was Said

Each side gave its own account.
"""


def test_title_date_and_headings_of_plain_text_are_recognised(read_document: Callable[..., Document]) -> None:
    document = read_document("hamburg.txt", TEXT.replace("Meeting\nDate", "Meeting\n\nDate"))
    assert (document.title, document.date) == ("The Hamburg Meeting", "2017-07-07")
    assert [(heading.level, heading.text) for heading in document.headings] == [(2, "What Was Said")]
    assert document.text.startswith("The two presidents met for over two hours at the G20 summit; an interpreter was")
    assert "- White House statement of 7 July 2017\n- Report of the Senate committee" in document.text
    assert "Date:" not in document.text
    assert "Hamburg" not in document.text


def test_line_directly_above_the_date_is_the_title(read_document: Callable[..., Document]) -> None:
    assert read_document("x.txt", TEXT).title == "The Hamburg Meeting"
