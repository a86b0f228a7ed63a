"""The interface of a verifier, which says whether evidence supports a sentence.

Used by the composer, ``citebrief check`` and the scorecard. ``rag/verify/spec.py`` opens a verifier by its spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rag.types import Chunk, Quote, Verdict

Premise = Chunk | str
"""What a sentence is judged by: a chunk, or the text of another sentence, which is judged apart."""


class Verifier(Protocol):
    """Judges sentences against evidence. A verdict's ``judge`` names what decided it."""

    @property
    def name(self) -> str:
        """What the verifier is called in a trace."""
        ...

    @property
    def min_reattribution_score(self) -> float:
        """Score that a passage which the writer did not cite needs, by itself, to be cited instead."""
        ...

    @property
    def citation_judge(self) -> Verifier:
        """What tries other citations: those that an accepted sentence does not need, or a passage that may state it."""
        ...

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        """Return a verdict for each pair of a sentence and what has to support it, taken together."""
        ...

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """Return, chunk by chunk, the fewest of its sentences that state ``sentence``."""
        ...
