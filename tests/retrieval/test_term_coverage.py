"""Passages are ranked by the query terms. Real encoder."""

from __future__ import annotations

import pytest

from rag.embedding import load_encoder
from rag.retrieval import search_index, term_coverage
from rag.store import Index

pytestmark = pytest.mark.integration

PASSAGES = [
    "Trump Jr. announced the meeting of June 9 to the campaign staff some days before.",
    "The lawyer who spoke at the June 9 meeting denied that she had documents to give.",
    "The Office decided not to prosecute anyone for the events of the June 9 meeting.",
    "Kushner left the June 9 meeting early and asked his assistants to telephone him.",
]


def test_the_term_that_one_passage_matches_decides_though_the_passage_has_another_word() -> None:
    found = term_coverage("Why was nobody charged over the June 9 meeting?", PASSAGES, load_encoder().word_vectors)
    assert found.argmax() == 2
    assert all(0.0 <= share <= 1.0 for share in found)


def test_terms_that_all_passages_match_rank_none_before_another() -> None:
    found = term_coverage(
        "What are the links between Trump and Putin?", ["Trump met Putin."] * 4, load_encoder().word_vectors
    )
    assert not found.any()


def test_a_question_without_query_terms_is_covered_by_no_passage() -> None:
    assert not term_coverage("What happened?", PASSAGES, load_encoder().word_vectors).any()


def test_hits_carry_their_term_coverage_and_a_broad_question_has_none(corpus_index: Index) -> None:
    narrow = search_index(corpus_index, "Why was nobody charged over the June 9 meeting?", k=5)
    assert all(0.0 < hit.term_coverage <= 1.0 for hit in narrow)
    broad = search_index(corpus_index, "What are the links between Trump and Putin?", k=5)
    assert [hit.term_coverage for hit in broad] == [0.0] * 5


def test_hits_are_ranked_from_one_by_falling_score(corpus_index: Index) -> None:
    hits = search_index(corpus_index, "Who met in the Seychelles?", k=5)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
