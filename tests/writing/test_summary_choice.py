"""Which of the sentences that a model found and of the quoted ones make a summary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from briefs import chunk, sentence
from numpy.typing import NDArray

from rag.types import Sentence
from rag.verify.answers import STANDALONE_QUESTION
from rag.writing.summary_choice import best_summary

QUESTION = "When did the harbours open?"
PROBABILITIES = {"North": 0.66, "South": 0.75, "East": 0.5, "West": 0.3, "Far": 0.2, "Sixth": 0.65, "Seventh": 0.64}
PASSAGES = {name: chunk(f"{name}.md", f"{name} harbour opened in 1901.", title="Harbours") for name in PROBABILITIES}
CHUNKS = {each.id: each for each in PASSAGES.values()}


def stated(name: str) -> Sentence:
    passage = PASSAGES[name]
    return sentence(passage.text, (passage, passage.text))


def score(questions: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
    assert questions == [QUESTION, STANDALONE_QUESTION]
    assert all(text.startswith("Harbours\n") for text in texts)  # a sentence is read under its title
    names = [text.split("\n")[1].split()[0] for text in texts]
    return np.array([[PROBABILITIES[name] for name in names], [name != "Sixth" for name in names]], dtype=np.float32)


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return vectors in which the Western harbour alone is near to the question."""
    return np.array([[1.0, 0.0] if text == QUESTION else ["West" in text, 0.0] for text in texts], np.float32)


def chosen(found: Sequence[Sequence[str]], quoted: Sequence[Sequence[str]]) -> list[str]:
    blocks = [[[stated(name) for name in block] for block in each] for each in (found, quoted)]
    summary = best_summary(QUESTION, *blocks, CHUNKS, score, embed)
    return [each.text.split()[0] for block in summary for each in block]


def test_what_the_model_found_goes_before_quotes_that_are_as_good() -> None:
    assert chosen([["East"], ["North"]], [["South"]]) == ["North", "South", "East"]


def test_a_quote_that_hardly_answers_is_left_out_and_the_best_block_never_is() -> None:
    assert chosen([["East"]], [["Far"]]) == ["East"]
    assert chosen([], [["Far"]]) == ["Far"]
    assert chosen([], []) == []


def test_the_sentence_nearest_to_the_question_opens_also_where_others_answer_more() -> None:
    assert chosen([], [["Sixth"], ["West"], ["Seventh"]]) == ["West", "Sixth", "Seventh"]


def test_a_sentence_that_cannot_be_understood_alone_does_not_open_the_summary() -> None:
    assert chosen([["Sixth"]], [["Seventh"], ["Far"]]) == ["Seventh", "Sixth"]
    assert chosen([["Sixth"]], []) == ["Sixth"]


def test_no_sentence_stands_twice_and_there_are_four_blocks_at_the_most() -> None:
    assert chosen([["South"]], [["South"], ["Sixth"], ["Seventh"]]) == ["South", "Sixth", "Seventh"]
    assert len(chosen([["East"]], [[name] for name in ("North", "South", "Sixth", "Seventh")])) == 4


def test_the_sentences_of_a_block_stay_together_in_their_order() -> None:
    assert chosen([["Far", "North"]], [["South"]]) == ["Far", "North", "South"]


def test_of_two_sentences_that_rest_on_the_same_words_one_stands() -> None:
    passage = PASSAGES["North"]
    reworded = sentence("North harbour opened at last in 1901.", (passage, passage.text))
    assert best_summary(QUESTION, [[reworded]], [[stated("North")]], CHUNKS, score, embed) == ([reworded],)
