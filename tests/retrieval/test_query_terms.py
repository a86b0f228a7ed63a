"""Which words a question turns on."""

from __future__ import annotations

from rag.retrieval.query_terms import query_terms


def test_words_that_only_ask_are_left_out() -> None:
    assert query_terms("What are the links between Trump and Putin?") == ["Trump", "Putin"]


def test_each_word_comes_once_as_it_stands() -> None:
    assert query_terms("Did Cohen's lawyer and Cohen disagree?") == ["Cohen", "lawyer", "disagree"]
