"""Does this evidence support this sentence?

:class:`Verifier` is what the composer asks. :class:`SimilarityVerifier` is an honest simple rule, not a
trained judge of entailment: a sentence is supported when the evidence has every number, date and name of
it and some window of the evidence means nearly the same. It cannot see a swapped role or a dropped
negation, so the composer lets a fused sentence pass only if it also keeps its notes' words (``rag/fuse.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rag.facts import missing
from rag.plan import Embed
from rag.sentences import split
from rag.types import Chunk, Quote, Verdict

_NEGATION = frozenset(
    ("no not never none nor neither cannot without n't denied deny denies refused failed unable").split()
)


class Verifier(Protocol):
    """Judges sentences against chunks."""

    @property
    def name(self) -> str:
        """What it is, for the trace."""
        ...

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """A verdict for each (sentence, the chunks it cites, taken together)."""
        ...

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """For each chunk the span that comes nearest to stating ``sentence``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityVerifier:
    """Embedding similarity, and agreement of numbers, dates, names and negation.

    A window is one evidence sentence, or the best sentence of each chunk together: a fused sentence is
    like no single one of its sources. ``threshold`` is the cosine from which a window means nearly the same.
    """

    embed: Embed
    threshold: float = 0.72
    name: str = "similarity and facts (a rule, not a trained verifier)"

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """See :class:`Verifier`. ``score`` is the cosine, or 0 where a fact is missing."""
        return [self._judge(sentence, chunks) for sentence, chunks in pairs]

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """See :class:`Verifier`."""
        spans = [(chunk, span) for chunk in chunks for span in split(chunk.text)]
        if not spans:
            return ()
        vectors = self.embed([sentence, *(chunk.text[a:b] for chunk, (a, b) in spans)])
        nearest = vectors[1:] @ vectors[0]
        best: dict[str, int] = {}
        for place in np.argsort(-nearest, kind="stable"):
            best.setdefault(spans[place][0].id, int(place))
        return tuple(
            Quote(chunk_id=chunk.id, start=a, end=b, text=chunk.text[a:b])
            for chunk, (a, b) in (spans[best[chunk.id]] for chunk in chunks if chunk.id in best)
        )

    def _judge(self, sentence: str, chunks: Sequence[Chunk]) -> Verdict:
        if not chunks:
            return Verdict(support="none", score=0.0, judge=self.name, reason="no evidence")
        if absent := missing(sentence, [f"{chunk.context}\n{chunk.text}" for chunk in chunks]):
            return Verdict(
                support="none", score=0.0, judge=self.name, reason=f"no cited passage has {', '.join(absent)}"
            )
        windows = [quote.text for quote in self.quotes(sentence, chunks)]
        vectors = self.embed([sentence, *windows, " ".join(windows)])
        score = float(np.clip((vectors[1:] @ vectors[0]).max(), 0.0, 1.0))
        if negated(sentence) != negated(" ".join(windows)):
            return Verdict(support="none", score=0.0, judge=self.name, reason="a negation is added or lost")
        if score < self.threshold:
            return Verdict(
                support="none", score=score, judge=self.name, reason=f"similarity {score:.2f} is under {self.threshold}"
            )
        return Verdict(support="full", score=score, judge=self.name)


def negated(text: str) -> bool:
    """Whether ``text`` denies something somewhere."""
    return not _NEGATION.isdisjoint(text.lower().replace("n’t", " n't").replace("n't", " n't").split())
