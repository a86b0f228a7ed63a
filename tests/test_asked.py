"""Which words a question turns on."""

from __future__ import annotations

from rag.asked import asked_words


def test_words_that_only_ask_are_left_out() -> None:
    assert asked_words("What are the links between Trump and Putin?") == ["Trump", "Putin"]


def test_each_word_comes_once_as_it_stands() -> None:
    assert asked_words("Did Cohen's lawyer and Cohen disagree?") == ["Cohen", "lawyer", "disagree"]
