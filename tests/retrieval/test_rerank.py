"""Passages are ranked by the words that a question turns on. Real encoder."""

from __future__ import annotations

from rag.embedding import load_encoder
from rag.retrieval.rerank import term_coverage

PASSAGES = [
    "Trump Jr. announced the meeting of June 9 to the campaign staff some days before.",
    "The lawyer who spoke at the June 9 meeting denied that she had documents to give.",
    "The Office decided not to prosecute anyone for the events of the June 9 meeting.",
    "Kushner left the June 9 meeting early and asked his assistants to telephone him.",
]


def test_the_word_that_one_passage_meets_decides_though_it_uses_another() -> None:
    found = term_coverage("Why was nobody charged over the June 9 meeting?", PASSAGES, load_encoder().word_vectors)
    assert found.argmax() == 2
    assert all(0.0 <= share <= 1.0 for share in found)


def test_words_that_all_passages_meet_tell_none_from_the_other() -> None:
    found = term_coverage(
        "What are the links between Trump and Putin?", ["Trump met Putin."] * 4, load_encoder().word_vectors
    )
    assert not found.any()


def test_a_question_without_a_word_of_its_own_is_met_by_none() -> None:
    assert not term_coverage("What happened?", PASSAGES, load_encoder().word_vectors).any()
