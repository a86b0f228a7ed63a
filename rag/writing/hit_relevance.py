"""How relevant hits are for the outline, on the scale of cosines.

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
