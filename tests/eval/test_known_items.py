"""A known item is found by the digest of its words, and two rankings are compared question by question."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.metrics.known_items import compare_ranks, first_rank, plain_words, read_known_items, words_digest
from rag.types import Chunk

SUITE = Path(__file__).parents[2] / "eval" / "cases" / "known_items.jsonl"


def chunk(text: str) -> Chunk:
    """A chunk of an arbitrary document."""
    return Chunk(id="a.00000000", document_id="a.md", text=text, start=0, end=len(text), title="A", source="a.md")


def test_a_passage_is_recognised_by_the_digest_of_its_words_whatever_their_marks() -> None:
    case = read_known_items(SUITE)[0].model_copy(
        update={"words": 4, "digest": words_digest(plain_words("sold at a LOSS"))}
    )
    assert case.is_answered_by(chunk("It was “sold — at a loss” in May."))
    assert not case.is_answered_by(chunk("It was sold at the loss."))
    assert first_rank([chunk("No."), chunk("Sold at a loss")], case.is_answered_by) == 2
    assert first_rank([chunk("a loss")], case.is_answered_by) is None


def test_rankings_are_compared_question_by_question() -> None:
    figures = compare_ranks([1, None, 3, 1], [1, 1, 3, None])
    assert figures["RR@10"].before is not None
    assert figures["RR@10"].before.mean == pytest.approx((1 + 0 + 1 / 3 + 1) / 4)
    assert figures["nDCG@10"].difference is not None
    assert figures["nDCG@10"].difference.mean == pytest.approx(0)
    assert (figures["nDCG@10"].difference.low or 0) < 0 < (figures["nDCG@10"].difference.high or 0)


def test_the_suite_has_25_questions_on_each_of_four_collections() -> None:
    cases = read_known_items(SUITE)
    counts = {name: sum(case.collection == name for case in cases) for name in {case.collection for case in cases}}
    assert counts == {"sitepolicy": 25, "tsc": 25, "rustblog": 25, "scrapy": 25}
