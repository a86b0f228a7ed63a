from __future__ import annotations

from collections.abc import Callable

import pytest

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


INTERNET_DRAFT = """Network Working Group                                        M. Kerwin
Internet-Draft                                                       QUT
Updates: 1738 (if approved)                                 May 12, 2015


                          The file URI Scheme
                draft-ietf-appsawg-file-scheme-01

Abstract

   This document specifies the file scheme.
"""


def test_centred_title_below_a_header_is_the_title(read_document: Callable[..., Document]) -> None:
    assert read_document("draft.txt", INTERNET_DRAFT).title == "The file URI Scheme"


def test_title_line_in_the_preamble_is_the_title(read_document: Callable[..., Document]) -> None:
    text = (
        "The Library's E-Book of Emma\n\nThis is free for all.\n\nTitle: Emma\n\nAuthor: Jane Austen\n\nText follows."
    )
    assert read_document("158.txt", text).title == "Emma"


def test_header_of_a_letter_gives_its_subject(read_document: Callable[..., Document]) -> None:
    document = read_document("1.txt", "From: A. Writer\nSubject: The lease\nDate: 3 May 2019\n\nIt ends in June.")
    assert (document.title, document.date) == ("The lease", "2019-05-03")
    assert "A. Writer" in document.text


def test_generic_first_line_is_not_the_title(read_document: Callable[..., Document]) -> None:
    document = read_document("lease-terms.txt", "Summary\n\nThe lease ends in June.\n")
    assert document.title == "Lease terms"
    assert "Summary" in document.text


def test_items_of_a_list_get_the_mark_of_their_depth_whatever_the_author_wrote(
    read_document: Callable[..., Document],
) -> None:
    """An author's ``*`` over ``-`` is the mark of the third list over that of the first: read so, it is upside down."""
    agenda = (
        "The agenda of the day was this, in full:\n\n* Budget\n  - Approved by all,\n    with a note\n* Pier\n\t- Late"
    )
    assert read_document("a.txt", agenda).text.endswith("- Budget\n– Approved by all, with a note\n- Pier\n– Late")
    dash = "They met on the pier at noon.\n\n– A dash opens this paragraph, which is no list at all.\n"
    assert "– A dash opens" in read_document("b.txt", dash).text


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst"])
def test_fields_that_a_header_repeats_and_a_second_title_are_kept(
    read_document: Callable[..., Document], name: str
) -> None:
    header = "Title: The lease\nSubject: Its end in May\nTo: Ann Lee\nTo: Ben Archer\nNote:\n  It is\n  not renewed.\n"
    document = read_document(name, f"{header}\nThe lease ends in May.\n\nIt is not renewed.\n")
    assert document.title == "The lease"
    words = " ".join(document.text.split())
    assert words.startswith("Subject: Its end in May To: Ann Lee To: Ben Archer Note: It is not renewed. The lease")
