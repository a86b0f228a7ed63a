"""How well passages match the query terms. Real encoder."""

from __future__ import annotations

import pytest

from rag.embedding import load_encoder
from rag.retrieval import term_coverage

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
