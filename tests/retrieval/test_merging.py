"""Hits of several queries in one ranking."""

from __future__ import annotations

from briefs import chunk

from rag.retrieval import merge_hits
from rag.types import Hit


def ranking(*names: str, cosine: float = 0.5) -> list[Hit]:
    hits = enumerate(names, 1)
    return [Hit(chunk=chunk(name, f"Text of {name}."), rank=rank, score=1.0, cosine=cosine) for rank, name in hits]


def names(hits: list[Hit]) -> list[str]:
    return [hit.chunk.document_id for hit in hits]


def test_the_best_hits_of_each_ranking_come_first_though_one_query_alone_finds_them() -> None:
    merged = merge_hits([ranking("a", "b", "c"), ranking("x", "a"), ranking("b", "y")])
    assert names(merged) == ["a", "x", "b", "y", "c"]
    assert [hit.rank for hit in merged] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in merged] == sorted((hit.score for hit in merged), reverse=True)


def test_a_hit_of_several_queries_keeps_its_highest_cosine() -> None:
    [hit] = merge_hits([ranking("a", cosine=0.3), ranking("a", cosine=0.7)])
    assert hit.cosine == 0.7


def test_one_ranking_stays_as_it_is() -> None:
    hits = ranking("a", "b")
    assert merge_hits([hits]) == hits
