"""Which words a question turns on, and which documents have them."""

from __future__ import annotations

from rag.asked import asked_words, covered
from rag.types import Chunk, Hit, chunk_id


def hit(document: str, text: str, rank: int) -> Hit:
    chunk = Chunk(id=chunk_id(document, 0, text), document_id=document, text=text, start=0, end=len(text))
    return Hit(chunk=chunk, rank=rank, score=1.0)


def test_words_that_only_ask_are_left_out() -> None:
    assert asked_words("What are the links between Trump and Putin?") == ["Trump", "Putin"]


def test_a_document_without_the_word_that_the_question_turns_on_is_covered_less() -> None:
    hits = [
        hit("arms", "The United States left two arms-control treaties in 2019 and 2020.", 1),
        hit("canal", "The treaty of 1903 gave the United States a zone across Panama.", 2),
        hit("reef", "Corals of the reef bleached in 2016.", 3),
    ]
    share = covered("Which arms-control treaties did the United States leave?", hits)
    assert share["reef"] == 0.0 < share["canal"] < share["arms"] <= 1.0


def test_a_word_that_no_document_has_counts_against_none() -> None:
    hits = [hit("arms", "Treaties on arms were signed in Prague.", 1)]
    assert covered("Which treaties did Ruritania sign in Prague?", hits) == {"arms": 1.0}
