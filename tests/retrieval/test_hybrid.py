"""Rank fusion."""

from __future__ import annotations

import pytest

from rag.retrieval import rank_fusion
from rag.types import Chunk, chunk_id


def chunk(name: str) -> Chunk:
    return Chunk(id=chunk_id(name, 0, "text"), document_id=name, text="text", start=0, end=4)


def test_a_chunk_of_two_rankings_comes_before_the_first_of_one() -> None:
    a, b = chunk("a"), chunk("b")
    merged = rank_fusion({"dense": [a, b], "lexical": [b]})
    assert [(c.document_id, names) for c, _, names in merged] == [("b", ("dense", "lexical")), ("a", ("dense",))]
    assert merged[0][1] == pytest.approx(1 / 62 + 1 / 61)


def test_equal_scores_are_ordered_alike_whatever_the_order_of_the_rankings() -> None:
    a, b = chunk("a"), chunk("b")
    one, other = rank_fusion({"dense": [a], "lexical": [b]}), rank_fusion({"dense": [b], "lexical": [a]})
    assert [c.id for c, _, _ in one] == [c.id for c, _, _ in other]
