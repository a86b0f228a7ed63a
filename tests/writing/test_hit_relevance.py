"""Which hits are near enough to the best one."""

from __future__ import annotations

from rag.types import Chunk, Hit
from rag.writing.hit_relevance import RatedHit, near_hits


def rated(document: str, cosine: float, coverage: float = 0.0) -> RatedHit:
    chunk = Chunk(id=f"{document} {cosine}", document_id=document, text="text", start=0, end=4)
    return RatedHit(Hit(chunk=chunk, rank=1, score=0.5, cosine=cosine), coverage)


def test_a_hit_far_behind_the_best_one_is_left_out_and_the_score_of_the_search_does_not_count() -> None:
    best, near, far = rated("a", 0.6, 0.3), rated("a", 0.7), rated("a", 0.6)
    assert near_hits([best, near, far], 0.25, 1.0) == [best, near]


def test_a_document_whose_best_hit_is_far_behind_is_left_out_as_a_whole() -> None:
    best, other, later = rated("a", 0.9), rated("b", 0.6), rated("a", 0.6)
    assert near_hits([best, other, later], 0.5, 0.2) == [best, later]


def test_without_hits_none_is_near() -> None:
    assert near_hits([], 0.25, 0.2) == []
