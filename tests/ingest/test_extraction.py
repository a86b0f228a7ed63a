from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.ingest import Source, extract
from rag.types import Document


def test_title_is_the_first_heading_or_else_the_file_name(read_document: Callable[..., Document]) -> None:
    assert read_document("a.md", "# On *Arms*\n\nText.").title == "On Arms"
    assert read_document("trump-tower_moscow.md", "Only text here.").title == "Trump tower moscow"


def test_language_other_than_english_is_recorded(read_document: Callable[..., Document]) -> None:
    german = "Der Präsident hat gestern in Berlin mit dem Kanzler gesprochen, und beide waren sich in allem einig. " * 3
    assert read_document("de.txt", german).metadata["language"] == "de"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", "---\ntitle: x\n---\n", "no text found"),
        ("b.html", "<html></html>", "no text found"),
        ("c.txt", " \n\n ", "no text found"),
        ("d.csv", "\n", "no header line"),
    ],
)
def test_file_without_text_is_reported(skip_reason: Callable[..., str], name: str, content: str, reason: str) -> None:
    assert reason in skip_reason(name, content)


@pytest.mark.parametrize("suffix", ["pdf", "docx", "pptx", "epub", "html", "md", "txt", "csv", "jsonl"])
@pytest.mark.parametrize(
    "content",
    [b"\0" * 300, b"PK\x03\x04" + bytes(range(256)), b"%PDF-1.4\n%%EOF", bytes(range(256)) * 8, b"\xff\xfe<a>"],
    ids=["zeros", "zip", "pdf", "all bytes", "byte order mark"],
)
def test_no_bytes_make_extraction_raise(make_source: Callable[..., Source], suffix: str, content: bytes) -> None:
    documents, problems = extract(make_source(f"x.{suffix}", content))
    assert documents or problems


def test_a_document_that_is_only_its_title_has_it_as_text(read_document: Callable[..., Document]) -> None:
    document = read_document("a.md", "# The lock at Ostby\n")
    assert document.title == document.text == "The lock at Ostby"


def test_the_date_of_the_text_counts_before_that_of_the_file_name(read_document: Callable[..., Document]) -> None:
    assert read_document("2024-04-17.md", "# Minutes\n\nThe board met.").date == "2024-04-17"
    assert (
        read_document("2024-04-17.md", "---\ndate: 2024-04-16\n---\n# Minutes\n\nThe board met.").date == "2024-04-16"
    )
