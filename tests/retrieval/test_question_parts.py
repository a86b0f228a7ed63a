"""The parts of a question that asks for several things."""

from __future__ import annotations

import pytest

from rag.retrieval import question_parts


@pytest.mark.parametrize(
    ("question", "queries"),
    [
        (
            "Why did Rust adopt the ? operator, and what does it cost?",
            ["Why did Rust adopt the ? operator?", "Rust adopt the ? operator: what does it cost?"],
        ),
        (
            "How did the FBI come to open its investigation, and was it justified?",
            [
                "How did the FBI come to open its investigation?",
                "the FBI come to open its investigation: was it justified?",
            ],
        ),
        (
            "Why did Oslo close the pier, and which alternatives were considered?",
            ["Why did Oslo close the pier?", "Oslo close the pier: which alternatives were considered?"],
        ),
        (
            "Does GitLab Geo work with Elasticsearch? Which database does GitLab Geo replicate?",
            ["Does GitLab Geo work with Elasticsearch?", "Which database does GitLab Geo replicate?"],
        ),
    ],
)
def test_each_part_of_a_question_is_a_query_that_names_the_subject(question: str, queries: list[str]) -> None:
    assert [part.query for part in question_parts(question)] == queries


@pytest.mark.parametrize(
    "question",
    [
        "What are the links between Trump and Putin?",
        "cap-lints cargo purpose and history",
        "How far was yellow journalism to blame for the war between Spain and the United States?",
        "With 5 replicas and a budget requiring 4, how many pods may be evicted at once?",
        "why?",
    ],
)
def test_a_question_that_asks_for_one_thing_has_one_part(question: str) -> None:
    assert [part.query for part in question_parts(question)] == [question]


def test_what_stands_before_a_question_is_no_part_of_it() -> None:
    [first, second] = question_parts(
        "I am writing on Mr. Smith for a class. What did Jane offer Mr. Smith, and what did he answer?"
    )
    assert second.text == "What did he answer?"
    assert "class" not in first.text
