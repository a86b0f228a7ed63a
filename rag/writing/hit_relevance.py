"""How relevant hits are for the outline, on the scale of cosines, and which are near enough to the best one.

The score of a search orders the hits of one question and has no scale of its own: how far a hit is behind the best one
says nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.embedding import EmbedWords
from rag.retrieval import term_coverage
from rag.types import Hit


@dataclass(frozen=True, slots=True)
class RatedHit:
    """A hit with its term coverage, which is 0 for every hit where no term tells one from the others."""

    hit: Hit
    coverage: float

    @property
    def relevance(self) -> float:
        """The cosine to the question plus the term coverage."""
        return self.hit.cosine + self.coverage


def rate_hits(question: str, hits: Sequence[Hit], embed_words: EmbedWords) -> list[RatedHit]:
    """Return ``hits`` by falling relevance to ``question``."""
    if not hits:
        return []
    coverage = term_coverage(question, [f"{hit.chunk.context}\n{hit.chunk.text}" for hit in hits], embed_words)
    rated = [RatedHit(hit, float(covered)) for hit, covered in zip(hits, coverage, strict=True)]
    return sorted(rated, key=lambda each: -each.relevance)


def near_hits(rated: Sequence[RatedHit], distance: float, document_distance: float) -> list[RatedHit]:
    """Return the hits that are near enough to the best one, in documents that are.

    Args:
        rated: best first, each with an evidence sentence: one without must not decide how near the others have to be.
        distance: by how much less relevant than the best one a hit may be.
        document_distance: the same for the best hit of a document.
    """
    best: dict[str, float] = {}
    for each in rated:
        best.setdefault(each.hit.chunk.document_id, each.relevance)
    return [
        each
        for each in rated
        if each.relevance >= rated[0].relevance - distance
        and best[each.hit.chunk.document_id] >= rated[0].relevance - document_distance
    ]
