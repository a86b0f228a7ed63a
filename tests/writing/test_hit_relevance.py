"""The relevance of a hit for the outline."""

from __future__ import annotations

from rag.types import Chunk, Hit
from rag.writing.hit_relevance import RatedHit


def test_relevance_is_cosine_and_term_coverage_and_the_score_of_the_search_does_not_count() -> None:
    chunk = Chunk(id="a", document_id="a", text="text", start=0, end=4)
    rated = RatedHit(Hit(chunk=chunk, rank=1, score=0.5, cosine=0.25), 0.5)
    assert rated.relevance == 0.75
