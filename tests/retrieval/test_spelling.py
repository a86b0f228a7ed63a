"""Which words of a query are replaced by words of the index. A real catalogue, the real dictionary, no model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag._internal.ids import chunk_id
from rag.retrieval.spelling import correct_spelling
from rag.store import Catalogue, SourceRow
from rag.types import Chunk, Document

TEXT = (
    "Konstantin Kilimnik met Natalia Veselnitskaya. Yevgeny Prigozhin and Volodymyr Zelensky spoke of Gorbachev. "
    "The Treasury lifted sanctions on three countries. Malware logged keystrokes on the network of the platform. "
    "An organizational chart of the agency was published. The cases were a headline. "
    "WORLDWIDE PUBLISHING is Publishing."
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """The catalogue of one document, :data:`TEXT`."""
    found = Catalogue(tmp_path / "catalogue.sqlite")
    with found.transaction():
        found.put_source(SourceRow(id="a.txt", location="a.txt", root="", digest=""))
        chunk = Chunk(id=chunk_id("a.txt", 0, TEXT), document_id="a.txt", text=TEXT, start=0, end=len(TEXT))
        found.put_document(Document(id="a.txt", title="Names", text=TEXT, source="a.txt"), "a.txt", [(chunk, "record")])
    yield found
    found.close()


@pytest.mark.parametrize(
    ("query", "corrected"),
    [
        ("log keystorkes on the netowrk", "log keystrokes on the network"),
        ("countrys under santions of the Treasurey", "countries under sanctions of the Treasury"),
        ("the platfrom was publsihed", "the platform was published"),
        ("the Publsihing team", "the Publishing team"),
        ("the organisational chart", "the organizational chart"),
    ],
)
def test_a_misspelt_word_is_replaced_by_the_word_that_a_document_has(
    catalogue: Catalogue, query: str, corrected: str
) -> None:
    assert correct_spelling(catalogue, query) == corrected


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Kylymnyk", "Kilimnik"),
        ("Kilimnick's", "Kilimnik's"),
        ("Prigoschin", "Prigozhin"),
        ("Selenskyj", "Zelensky"),
        ("Wolodymyr", "Volodymyr"),
    ],
)
def test_another_transliteration_of_a_name_is_replaced_by_the_one_that_a_document_has(
    catalogue: Catalogue, spelling: str, name: str
) -> None:
    assert correct_spelling(catalogue, f"What did {spelling} say?") == f"What did {name} say?"


@pytest.mark.parametrize(
    "query",
    [
        "Which sanctions did Zelensky lift?",  # every word is in the index
        "the deadlines of the invoices",  # English words, one of them a letter away from one of the index
        "the SQLite3 API of NETWROK and fooBarr",  # abbreviations and identifiers
        "Who couldn't come?",
        "Kim said so",  # too short
        "Was Timbaland there?",  # a name that is like none of the index
    ],
)
def test_words_that_are_known_or_like_no_word_of_the_index_stay(catalogue: Catalogue, query: str) -> None:
    assert correct_spelling(catalogue, query) == query


def test_a_name_is_not_replaced_by_a_word_in_lower_case(catalogue: Catalogue) -> None:
    assert correct_spelling(catalogue, "Did Keystrok come?") == "Did Keystrok come?"


def test_words_of_the_dictionary_are_known_in_either_case_and_others_are_not(catalogue: Catalogue) -> None:
    near = "cages Cages naïve"  # English; "cages" is one letter away from "cases"
    assert correct_spelling(catalogue, near) == near
    assert correct_spelling(catalogue, "the caces") == "the cases"
