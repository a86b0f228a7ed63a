"""Rating sentences with a scripted model: what is understood alone, with its antecedents, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from briefs import chunk

from rag.retrieval import NO_SCORES
from rag.types import Hit
from rag.verify.answers import STANDALONE_QUESTION
from rag.writing.rating import RatedSentence, RatingParameters, rate_sentences
from rag.writing.sentence_blocks import with_antecedents

QUESTION = "Why was the pier of Oslo closed?"
CLOSED = "The harbour board of Oslo closed the western pier on 3 May 2011."
LEANED = "It had leaned towards the water since the winter storm of 2009."
COST = "Repairs would have taken the city 41 million kroner and three years."


def rated(text: str, alone: dict[str, float]) -> list[RatedSentence]:
    """Rate the sentences of ``text`` by a model to which all answers, and that understands ``alone`` so well."""

    def score(questions: Sequence[str], texts: Sequence[str]) -> Any:
        understood = [alone[each.partition("\n")[2]] for each in texts]
        rows = [understood if question == STANDALONE_QUESTION else [0.9] * len(texts) for question in questions]
        return np.array(rows, dtype=np.float32)

    def embed(texts: Sequence[str]) -> Any:
        return np.ones((len(texts), 2), dtype=np.float32) / np.sqrt(2, dtype=np.float32)

    return rate_sentences(
        [(QUESTION,)], [Hit(chunk=chunk("oslo.md", text), rank=1, score=1.0)], embed, score, NO_SCORES
    )


def blocks(found: Sequence[RatedSentence]) -> list[list[str]]:
    return [[sentence.text for sentence in with_antecedents(each.sentence)] for each in found]


def test_a_sentence_that_is_not_understood_alone_is_read_with_the_ones_before_it() -> None:
    text = f"{CLOSED} {LEANED} {COST}"
    alone = {CLOSED: 0.9, LEANED: 0.1, COST: 0.1, f"{CLOSED} {LEANED}": 0.8, f"{LEANED} {COST}": 0.9, text: 0.9}
    # The third one behind the second alone would open with "It", whatever the model says.
    assert blocks(rated(text, alone)) == [[CLOSED], [CLOSED, LEANED], [CLOSED, LEANED, COST]]


def test_each_antecedent_costs_relevance() -> None:
    both = f"{CLOSED} {LEANED}"
    [first, second] = rated(both, {CLOSED: 0.9, LEANED: 0.1, both: 0.9})
    assert first.probability == second.probability
    penalty = first.sentence.relevance - second.sentence.relevance
    assert penalty == pytest.approx(RatingParameters().antecedent)


def test_a_sentence_that_no_antecedent_explains_is_left_out() -> None:
    both = f"{CLOSED} {LEANED}"
    assert blocks(rated(both, {CLOSED: 0.9, LEANED: 0.1, both: 0.3})) == [[CLOSED]]
