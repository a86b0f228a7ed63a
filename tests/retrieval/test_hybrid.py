"""Hybrid retrieval over an index of corpus/."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.retrieval import retrieve
from rag.types import Filter

if TYPE_CHECKING:
    from rag.store import Index

pytestmark = pytest.mark.integration


def test_hits_are_ranked_by_score_and_say_which_search_found_them(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, "Who met in the Seychelles in January 2017?", k=20)
    assert [hit.rank for hit in hits] == list(range(1, 21))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert hits[0].found_by == ("dense", "lexical")
    assert {name for hit in hits for name in hit.found_by} == {"dense", "lexical"}


def test_a_question_whose_words_no_chunk_has_is_answered_by_dense_search_alone(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, "zzzz qqqq", k=5)
    assert [hit.found_by for hit in hits] == [("dense",)] * 5


def test_a_filter_restricts_both_searches(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, "Who met in the Seychelles?", k=5, where=Filter(document="panama*"))
    assert hits
    assert all(hit.chunk.document_id.startswith("panama") for hit in hits)


def test_a_filter_that_no_document_passes_gives_no_hits(corpus_index: Index) -> None:
    assert retrieve(corpus_index, "Who met in the Seychelles?", k=5, where=Filter(document="no such document")) == []
