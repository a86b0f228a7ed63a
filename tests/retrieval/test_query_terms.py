"""Which words of a question are query terms."""

from __future__ import annotations

import pytest

from rag.retrieval import query_terms


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What are the links between Trump and Putin?", ["Trump", "Putin"]),
        ("How does metformin affect insulin resistance?", ["metformin", "affect", "insulin", "resistance"]),
        ("Which tenants may terminate the lease early?", ["tenants", "terminate", "lease", "early"]),
        ("Please summarise the history of the Panama Canal.", ["Panama", "Canal"]),
        ("What happened?", []),
    ],
)
def test_words_that_only_ask_request_or_relate_are_left_out(question: str, expected: list[str]) -> None:
    assert query_terms(question) == expected


def test_each_word_comes_once_and_as_written() -> None:
    assert query_terms("Did Cohen's lawyer and Cohen disagree?") == ["Cohen", "lawyer", "disagree"]
