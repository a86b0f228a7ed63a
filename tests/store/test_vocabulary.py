"""The words of the documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag._internal.ids import chunk_id
from rag.store import Catalogue, SourceRow
from rag.types import Chunk, Document

TEXTS = ("Two countries met, who?", "A country of “Countries”: Kilimnik's.")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """The catalogue of a document with two chunks, :data:`TEXTS`."""
    found = Catalogue(tmp_path / "catalogue.sqlite")
    add_document(found, "a.txt", TEXTS)
    yield found
    found.close()


def add_document(catalogue: Catalogue, name: str, texts: tuple[str, ...]) -> None:
    chunks = [
        (Chunk(id=chunk_id(name, n, text), document_id=name, text=text, start=n, end=n + len(text)), f"{name}.{n}")
        for n, text in enumerate(texts)
    ]
    with catalogue.transaction():
        catalogue.put_source(SourceRow(id=name, location=name, root="", digest=""))
        catalogue.put_document(Document(id=name, title="", text=" ".join(texts), source=name), name, chunks)


def test_a_word_is_there_in_any_of_its_forms(catalogue: Catalogue) -> None:
    assert catalogue.vocabulary.has("countries")
    assert catalogue.vocabulary.has("COUNTRY")
    assert not catalogue.vocabulary.has("nation")


def test_a_spelling_is_there_whatever_its_capitals_but_in_no_other_form(catalogue: Catalogue) -> None:
    assert catalogue.vocabulary.has_spelling("kilimnik")
    assert catalogue.vocabulary.has_spelling("COUNTRY")
    assert not catalogue.vocabulary.has_spelling("Kilimniks")


def test_words_are_listed_as_they_are_written_without_short_ones_and_parts_of_codes(catalogue: Catalogue) -> None:
    assert catalogue.words() == ["Countries", "Kilimnik", "countries", "country"]


def test_chunks_are_counted_by_stem_and_words_follow_a_change(catalogue: Catalogue) -> None:
    assert catalogue.vocabulary.count("countries") == 2
    add_document(catalogue, "b.txt", ("The nation of ab12cdefg.",))
    assert catalogue.words() == ["Countries", "Kilimnik", "countries", "country", "nation"]


def test_a_word_of_a_removed_document_is_not_there(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        catalogue.delete_source("a.txt")
    assert not catalogue.vocabulary.has("country")
    assert catalogue.vocabulary.count("country") == 0
