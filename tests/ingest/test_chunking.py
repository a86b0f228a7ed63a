"""Chunks are whole sentences with exact offsets that fit the encoder."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag._internal.ids import is_genuine
from rag.embedding import count_tokens
from rag.ingest import chunk_document, embedding_text
from rag.ingest.chunking import MAX_WORDS
from rag.text import split_sentences, split_statements
from rag.types import Document, Heading

SENTENCE = "Manafort met Kilimnik at the Grand Havana Club in New York City on August 2, 2016, and spoke of Michigan. "


def make_document(text: str, **fields: object) -> Document:
    return Document(**{"id": "d.md", "title": "A title", "text": text, "source": "d.md", **fields})  # type: ignore[arg-type]


def test_long_text_is_cut_into_equal_parts_of_whole_sentences() -> None:
    document = make_document((SENTENCE * 30).strip())
    chunks = chunk_document(document, count_tokens=count_tokens)
    ends = {end for _, end in split_sentences(document.text)}
    assert len(chunks) > 3
    assert all(document.text[c.start : c.end] == c.text and c.end in ends for c in chunks)
    assert all(90 <= len(c.text.split()) <= MAX_WORDS for c in chunks)


def test_headings_end_chunks_and_are_in_the_path_but_not_in_the_text() -> None:
    text = f"Money\n\n{SENTENCE.strip()}\n\nLoans\n\n{SENTENCE.strip()}"
    second = text.index("Loans")
    headings = (
        Heading(start=0, end=5, level=2, text="Money"),
        Heading(start=second, end=second + 5, level=3, text="Loans"),
    )
    chunks = chunk_document(make_document(text, headings=headings), count_tokens=count_tokens)
    assert [c.heading_path for c in chunks] == [("Money",), ("Money", "Loans")]
    assert all("Loans" not in c.text and "Money" not in c.text for c in chunks)


def test_headings_with_nothing_below_them_are_text_of_the_heading_above() -> None:
    levels = {"Decisions": 1, "The quay is closed in May": 2, "The fee rises": 2, "Votes": 2, "Ayes": 3, "Noes": 3}
    text, headings = "", []
    for words, level in levels.items():
        start = len(text)
        headings.append(Heading(start=start, end=start + len(words), level=level, text=words))
        text += f"{words}\n\n{f'{SENTENCE.strip()}{chr(10) * 2}' if words == 'Ayes' else ''}"
    chunks = chunk_document(make_document(text.strip(), headings=tuple(headings)), count_tokens=count_tokens)
    assert [(c.heading_path, c.text) for c in chunks] == [
        (("Decisions",), "The quay is closed in May\n\nThe fee rises"),
        (("Decisions", "Votes", "Ayes"), SENTENCE.strip()),
        (("Decisions", "Votes"), "Noes"),
    ]


def test_every_document_with_text_has_a_chunk(read_document: Callable[..., Document]) -> None:
    for content in ("# The quay is closed", "# Decisions\n\n## The quay is closed\n\n## The fee rises\n"):
        assert chunk_document(read_document("a.md", content), count_tokens=count_tokens)


def test_chunk_has_two_pages_only_if_its_text_crosses_the_page_break() -> None:
    text = (SENTENCE * 20).strip()
    middle = len(text) // 2
    chunks = chunk_document(make_document(text, page_starts=(0, middle)), count_tokens=count_tokens)
    assert chunks[0].pages == (1, 1)
    assert chunks[-1].pages == (2, 2)
    assert all((c.pages == (1, 2)) == (c.start < middle < c.end) for c in chunks)


def test_ids_are_stable_and_pass_their_own_check() -> None:
    (first,) = chunk_document(make_document(SENTENCE.strip()), count_tokens=count_tokens)
    (second,) = chunk_document(make_document(SENTENCE.strip()), count_tokens=count_tokens)
    assert first == second
    assert is_genuine(first)
    assert first.id.startswith("d-md.")


@pytest.mark.parametrize(
    "text",
    ["word " * 3000, "x" * 20_000, "; ".join(f"item {n}" for n in range(900))],
    ids=["words", "one word", "list"],
)
def test_sentence_too_long_for_the_encoder_is_split_without_loss(text: str) -> None:
    document = make_document(text.strip(), title="T" * 2000)
    chunks = chunk_document(document, count_tokens=count_tokens)
    assert all(count_tokens(embedding_text(c, count_tokens)) + 2 <= 256 for c in chunks)
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(document.text.split())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=1500))
def test_any_text_gives_exact_offsets_and_fits_the_encoder(text: str) -> None:
    document = make_document(text)
    chunks = chunk_document(document, count_tokens=count_tokens)
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert count_tokens(embedding_text(chunk, count_tokens)) + 2 <= 256
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "".join(text.split())


def test_list_keeps_the_line_that_introduces_it() -> None:
    items = "\n".join(f"- the fee of office number {n}" for n in range(8))
    text = f"{SENTENCE * 7}The fees are:\n\n{items}\n\n{SENTENCE * 6}".strip()
    (chunk,) = [c for c in chunk_document(make_document(text), count_tokens=count_tokens) if "number 0" in c.text]
    assert f"The fees are:\n\n{items}" in chunk.text


def test_long_list_keeps_its_introduction_with_its_first_items() -> None:
    items = "\n".join(f"- the fee of office number {n}" for n in range(90))
    text = f"{SENTENCE * 5}The fees are:\n\n{items}"
    (chunk,) = [c for c in chunk_document(make_document(text), count_tokens=count_tokens) if "number 0\n" in c.text]
    assert "The fees are:\n\n- the fee of office number 0\n" in chunk.text


def test_every_chunk_of_a_long_block_of_code_begins_with_its_indent() -> None:
    code = "\n".join(f"    value_{n} = compute(value_{n - 1}). result" for n in range(80))
    chunks = chunk_document(make_document(f"{SENTENCE.strip()}\n\n{code}"), count_tokens=count_tokens)
    assert len(chunks) > 2
    assert all(split_statements(chunk.text) == [] for chunk in chunks if "Manafort" not in chunk.text)
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(f"{SENTENCE}{code}".split())


def test_a_chunk_that_begins_within_an_item_has_the_items_that_it_is_nested_in() -> None:
    said = "".join(f"* {SENTENCE.strip()}\n" for _ in range(20))
    subject = "Loans of the " + "very " * 20 + "rich"
    chunks = chunk_document(
        make_document(f"- Rent\n- {subject}\n– Ann Lee\n{said}- Taxes\n{said}"), count_tokens=count_tokens
    )
    loans = next(c for c in chunks[1:] if c.items)
    assert loans.items == ("Loans of the " + " ".join(["very"] * 13) + "…", "Ann Lee")
    assert chunks[-1].items == ("Taxes",)
    assert chunks[0].items == ()
    assert "Ann Lee" in embedding_text(loans, count_tokens).split("\n")[0]
    assert all(count_tokens(embedding_text(c, count_tokens)) <= 254 for c in chunks)
