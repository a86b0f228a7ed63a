from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.ingest.blocks import Block
from rag.ingest.clean import title_from_name
from rag.ingest.titles import choose_title, is_code, is_generic_heading
from rag.types import Document


def heading(text: str, level: int = 1) -> Block:
    return Block(text=text, level=level)


def test_single_top_heading_is_the_title() -> None:
    assert choose_title(None, [heading("On Arms"), heading("Scope", 2), heading("Means", 2)], "a.md") == "On Arms"


def test_first_of_several_top_headings_is_a_section_and_the_file_gives_the_title() -> None:
    blocks = [Block(text="- Start Date: 2014-09-16"), heading("Summary"), heading("Motivation")]
    assert choose_title(None, blocks, "text/0243-trait-based-exceptions.md") == "243 Trait based exceptions"


def test_first_of_several_top_headings_is_the_title_if_it_names_the_file() -> None:
    blocks = [heading("Crawler Settings"), heading("Scope"), heading("Means")]
    assert choose_title(None, blocks, "docs/settings.md") == "Crawler Settings"


def test_first_of_many_meetings_is_not_the_title_of_their_minutes() -> None:
    """Each heading shares "meeting" with the name of the file: the first one stands for a day, the file for a year."""
    blocks = [heading(f"{month} 7, 2019 [Open Meeting]") for month in ("December", "October", "July", "March")]
    assert choose_title(None, blocks, "2019-meeting-notes.md") == "2019 Meeting notes"
    blocks = [heading(f"{what} Settings") for what in ("Crawler", "Global", "Proxy", "Cache")]
    assert choose_title(None, blocks, "docs/settings.md") == "Crawler Settings"


@pytest.mark.parametrize("text", ["Summary", "1. Introduction", "II. Background", "Table of Contents", "ABSTRACT"])
def test_generic_heading_is_no_title(text: str) -> None:
    assert is_generic_heading(text)
    assert choose_title(None, [heading(text), Block(text="Text.")], "the-fees.md") == "The fees"


@pytest.mark.parametrize("text", ["Introduction to Arms", "Summary of the Treaty", "2. The Contents of the Box"])
def test_heading_that_only_contains_a_generic_word_is_a_title(text: str) -> None:
    assert not is_generic_heading(text)


def test_heading_below_five_paragraphs_is_a_section() -> None:
    blocks = [*(Block(text=f"Paragraph {n}.") for n in range(5)), heading("Notes")]
    assert choose_title(None, blocks, "letter.txt") == "Letter"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("trump-tower_moscow.pdf", "Trump tower moscow"),
        ("text/0243-try-it.md", "243 Try it"),
        ("2024-05-01-notes.md", "2024-05-01 Notes"),
        ("keps/1029-quotas/README.md", "1029 Quotas"),
        ("README.md", "README"),
        ("1984.txt", "1984"),
    ],
)
def test_file_name_is_read_as_a_title(name: str, title: str) -> None:
    assert title_from_name(name) == title


def test_number_of_the_document_is_part_of_its_title(read_document: Callable[..., Document]) -> None:
    assert (
        read_document("eip-20.md", "---\neip: 20\ntitle: Token Standard\n---\n\nText.").title
        == "EIP 20: Token Standard"
    )


def test_site_name_is_no_part_of_the_title_of_a_page(read_document: Callable[..., Document]) -> None:
    page = "<html><head><title>Signals | The Handbook</title></head><body><h1>Signals</h1><p>Text.</p></body></html>"
    assert read_document("a.html", page).title == "Signals"


@pytest.mark.parametrize(
    ("title", "code"),
    [
        *(
            (t, True)
            for t in ("10811.exe", "47698", "88300 162..177", "draft_final", "LE-SA-v1.4-FINAL", "TRO111005-1")
        ),
        *((t, True) for t in ("My report of May.docx", "https://example.org/a", "")),
        *(
            (t, False)
            for t in ("On Arms", "COVID-19", "Report No. 5", "The year 1984", "2010 Form 1040", "年度报告2015年1234")
        ),
    ],
)
def test_name_of_a_file_number_or_code_is_no_title(title: str, code: bool) -> None:
    assert is_code(title) is code
