"""Passages of low rank are shortened to what is nearest to the question or one of its aspects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from briefs import chunk
from numpy.typing import NDArray

from rag.text import words_of
from rag.writing.shortening import ShorteningRule, shortened_texts

PIER = chunk(
    "pier.md",
    "The harbour of Oslo is old. It has many boats. The pier cost 41 million kroner. "
    "Nobody fishes there. The pier closed in May.",
)
LIST = chunk("list.md", "- Boats: 12 of them\n- Cost of the pier: 41 million\n- Weather: mild", start=90)
RULE = ShorteningRule(in_full=0, length=9, margin=3)


def count(text: str) -> float:
    return len(words_of(text))


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return a unit vector for each text, by which of two words it has."""
    rows = [["cost" in text.lower(), "closed" in text.lower(), 0.1] for text in texts]
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_sentences_nearest_to_the_question_stay_in_order_and_the_rest_is_marked() -> None:
    rule = ShorteningRule(in_full=0, length=8, margin=3)
    found = shortened_texts([PIER], ["What did it cost?"], embed, count, rule)
    assert found == {PIER.id: "[…] The pier cost 41 million kroner. […]"}


def test_each_aspect_keeps_its_sentence() -> None:
    rule = ShorteningRule(in_full=0, length=12, margin=0)
    [text] = shortened_texts([PIER], ["What did it cost?", "Why was it closed?"], embed, count, rule).values()
    assert text == "[…] The pier cost 41 million kroner. […] The pier closed in May."


def test_an_item_of_a_list_is_a_piece() -> None:
    rule = ShorteningRule(in_full=0, length=7, margin=0)
    [text] = shortened_texts([LIST], ["What did it cost?"], embed, count, rule).values()
    assert text == "[…]\n- Cost of the pier: 41 million […]"


def test_the_fields_that_open_a_document_stay() -> None:
    header = chunk("rfc.md", "Author: A. Berg\nStatus: rejected\n\nThe cost of the pier is told. " + "It rains. " * 9)
    rule = ShorteningRule(in_full=0, length=7, margin=0)
    assert shortened_texts([header], ["What did it cost?"], embed, count, rule) == {}


def test_an_item_brings_what_is_nested_in_it_and_the_item_that_it_is_nested_in() -> None:
    agenda = chunk(
        "agenda.md", "- Cost of it\n– Postponed to a vote\n- Boats\n– They are slow\n- Pier\n– It costs much now"
    )
    rule = ShorteningRule(in_full=0, length=13, margin=0)
    [text] = shortened_texts([agenda], ["What did it cost?"], embed, count, rule).values()
    assert text == "- Cost of it\n– Postponed to a vote […]\n- Pier\n– It costs much now"


def test_what_is_nested_in_an_item_of_the_passage_before_is_as_near_as_that_item() -> None:
    rest = chunk("rest.md", "– Postponed to a vote\n- The cost of boats\n– It is paid")
    rule = ShorteningRule(in_full=0, length=5, margin=0)
    for item, shown in (("Cost of it", "– Postponed to a vote […]"), ("Weather", "[…]\n- The cost of boats […]")):
        [text] = shortened_texts([replace(rest, items=(item,))], ["What did it cost?"], embed, count, rule).values()
        assert text == shown


def test_the_best_passages_and_short_ones_stay_as_they_are() -> None:
    other = chunk("other.md", PIER.text.replace("Oslo", "Bergen"))
    short = chunk("short.md", "The pier cost much. It closed.")
    rule = ShorteningRule(in_full=25, length=6, margin=2)
    assert set(shortened_texts([PIER, other, short], ["What did it cost?"], embed, count, rule)) == {other.id}


def test_a_passage_of_one_sentence_stays() -> None:
    assert shortened_texts([chunk("a.md", "The cost " + "is high " * 30 + ".")], ["Why?"], embed, count, RULE) == {}
