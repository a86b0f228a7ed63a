"""What happens to the words of a query before it is searched for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag._internal.ids import chunk_id
from rag.embedding import load_encoder
from rag.retrieval import reword_query, rewording_notices, search_index
from rag.store import Index, SourceRow
from rag.types import Chunk, Document

TEXT = "Konstantin Kilimnik brought a peace plan to the network on June 19, 2017. Nobody asked for 3,814 tickets."


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index whose catalogue has one document, :data:`TEXT`; it has no vectors."""
    found = Index(str(tmp_path), load_encoder())
    with found.catalogue.transaction():
        found.catalogue.put_source(SourceRow(id="a.txt", location="a.txt", root="", digest=""))
        chunk = Chunk(id=chunk_id("a.txt", 0, TEXT), document_id="a.txt", text=TEXT, start=0, end=len(TEXT))
        document = Document(id="a.txt", title="", text=TEXT, source="a.txt")
        found.catalogue.put_document(document, "a.txt", [(chunk, "record")])
    yield found
    found.close()


def test_characters_spelling_and_numbers_are_all_reworded(index: Index) -> None:
    query = "Ｄｉｄ „Kylymnyk“ of the netowrk ask for three thousand eight hundred and fourteen – on 19/6/2017?"
    assert reword_query(index, query) == 'Did "Kilimnik" of the network ask for 3,814 - on June 19, 2017?'


@pytest.mark.parametrize("query", ["", "?", "Who is Kilimnik?", "peace plan", "the vault of seeds in 2008"])
def test_a_query_that_is_spelt_right_stays(index: Index, query: str) -> None:
    assert reword_query(index, query) == query


@pytest.mark.integration
def test_a_misspelt_query_finds_what_the_clean_one_finds(corpus_index: Index) -> None:
    noisy = search_index(corpus_index, "What did Konstantyn Kylymnyk bring to the cigar club «in Manhatan»?", k=10)
    clean = search_index(corpus_index, 'What did Konstantin Kilimnik bring to the cigar club "in Manhattan"?', k=10)
    assert [hit.chunk.id for hit in noisy] == [hit.chunk.id for hit in clean]


@pytest.mark.integration
def test_the_person_is_told_which_word_is_searched_for_in_place_of_another(corpus_index: Index) -> None:
    assert rewording_notices(corpus_index, "What did «Konstantin» Kylymnyk bring?") == [
        "no document has 'Kylymnyk': searched for 'Kilimnik' in its place"
    ]
    assert rewording_notices(corpus_index, "What did Konstantin Kilimnik bring?") == []
