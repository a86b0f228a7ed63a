"""Chunks are whole sentences, exact in their offsets and small enough for the encoder."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.embedding import count_tokens
from rag.ingest import chunk_document, embedding_text
from rag.ingest.chunking import MOST_WORDS
from rag.text.sentences import split
from rag.types import Document, Heading

SENTENCE = "Manafort met Kilimnik at the Grand Havana Club in New York City on August 2, 2016, and spoke of Michigan. "


def document(text: str, **fields: object) -> Document:
    return Document(**{"id": "d.md", "title": "A title", "text": text, "source": "d.md", **fields})  # type: ignore[arg-type]


def test_long_text_becomes_equal_parts_of_whole_sentences() -> None:
    found = document((SENTENCE * 30).strip())
    chunks = chunk_document(found, count_tokens=count_tokens)
    ends = {end for _, end in split(found.text)}
    assert len(chunks) > 3
    assert all(found.text[c.start : c.end] == c.text and c.end in ends for c in chunks)
    assert all(90 <= len(c.text.split()) <= MOST_WORDS for c in chunks)


def test_headings_end_chunks_and_stand_in_the_path_not_in_the_text() -> None:
    text = f"Money\n\n{SENTENCE.strip()}\n\nLoans\n\n{SENTENCE.strip()}"
    second = text.index("Loans")
    headings = (
        Heading(start=0, end=5, level=2, text="Money"),
        Heading(start=second, end=second + 5, level=3, text="Loans"),
    )
    chunks = chunk_document(document(text, headings=headings), count_tokens=count_tokens)
    assert [c.heading_path for c in chunks] == [("Money",), ("Money", "Loans")]
    assert all("Loans" not in c.text and "Money" not in c.text for c in chunks)


def test_pages_are_physical_and_span_a_break_only_with_the_text() -> None:
    text = (SENTENCE * 20).strip()
    middle = len(text) // 2
    chunks = chunk_document(document(text, page_starts=(0, middle)), count_tokens=count_tokens)
    assert chunks[0].pages == (1, 1)
    assert chunks[-1].pages == (2, 2)
    assert all((c.pages == (1, 2)) == (c.start < middle < c.end) for c in chunks)


def test_ids_are_stable_and_tell_an_invented_one() -> None:
    first = chunk_document(document(SENTENCE.strip()), count_tokens=count_tokens)
    assert first == chunk_document(document(SENTENCE.strip()), count_tokens=count_tokens)
    assert first[0].genuine
    assert first[0].id.startswith("d-md.")


@pytest.mark.parametrize("text", ["word " * 3000, "x" * 20_000, "; ".join(f"item {n}" for n in range(900))])
def test_a_sentence_beyond_all_measure_is_cut_rather_than_truncated(text: str) -> None:
    found = document(text.strip(), title="T" * 2000)
    chunks = chunk_document(found, count_tokens=count_tokens)
    assert all(count_tokens(embedding_text(c, count_tokens)) + 2 <= 256 for c in chunks)
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(found.text.split())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=1500))
def test_nothing_embedded_is_truncated_and_offsets_are_exact_whatever_the_text(text: str) -> None:
    found = document(text)
    for part in chunk_document(found, count_tokens=count_tokens):
        assert found.text[part.start : part.end] == part.text
        assert count_tokens(embedding_text(part, count_tokens)) + 2 <= 256
