"""Sentences that stand together: what refers to the sentence before it, and what qualifies another."""

from __future__ import annotations

import pytest
from briefs import chunk

from rag.types import Hit
from rag.writing.evidence import EvidenceSentence, evidence_sentences, preceding_sentences
from rag.writing.sentence_blocks import blocks_of, placed_after, with_antecedents

TEXT = (
    "The harbour board of Oslo closed the western pier on 3 May 2011. It had leaned towards the water since the storm. "
    "Moreover, it would have cost 41 million kroner to repair the pier in full.\n\n"
    "The auditor of the city found no fault with the decision of the board."
)


def sentences(text: str = TEXT) -> list[EvidenceSentence]:
    return list(evidence_sentences([Hit(chunk=chunk("oslo.md", text), rank=1, score=1.0)], lambda *_: True))


def test_the_sentences_before_one_are_those_directly_in_front_of_it() -> None:
    first, second, third, last = sentences()
    assert preceding_sentences(third, 2, lambda *_: True) == [first, second]
    assert preceding_sentences(third, 1, lambda *_: True) == [second]
    assert preceding_sentences(first, 2, lambda *_: True) == []
    assert preceding_sentences(last, 1, lambda *_: True) == [third]


def test_the_sentences_before_one_end_at_a_fragment_and_at_code() -> None:
    _, second, third, _ = sentences()
    assert preceding_sentences(third, 2, lambda text, _: text != second.text) == []
    *_, after_code = sentences("The board closed the pier in May 2011.\n\n    close(pier)\n\nIt opened it again later.")
    assert preceding_sentences(after_code, 1, lambda *_: True) == []


def test_a_sentence_and_those_that_it_must_follow_are_one_block_in_the_order_of_the_text() -> None:
    first, second, third, last = sentences()
    dependent = placed_after(third, [first, second])
    assert [each.place for each in with_antecedents(dependent)] == [first.place, second.place, third.place]
    blocks = blocks_of([last, dependent, *with_antecedents(dependent)[:-1]])
    assert [[each.text for each in block] for block in blocks] == [[last.text], [first.text, second.text, third.text]]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_sentence_that_qualifies_another_is_in_its_block(order: tuple[int, int]) -> None:
    both = sentences("The study found 12 faults in the pier. However, none of them was called dangerous by the board.")
    assert blocks_of([both[at] for at in order]) == [tuple(both)]


def test_a_contrast_in_another_passage_qualifies_nothing() -> None:
    [finding] = sentences("The study found 12 faults in the pier of Oslo, most of them old.")
    [contrast] = sentences("However, none of them was called dangerous by the board.")
    assert blocks_of([finding, contrast]) == [(finding,), (contrast,)]


def test_a_sentence_given_twice_counts_once_and_where_it_stands_first() -> None:
    first, *_, last = sentences()
    assert blocks_of([first, last, first]) == [(first,), (last,)]


def test_an_antecedent_is_kept_where_the_one_between_was_given_alone() -> None:
    first, second, third, _ = sentences()
    dependent = placed_after(third, [first, second])
    [block] = blocks_of([second, dependent, first])
    assert [each.place for each in block] == [first.place, second.place, third.place]
