"""Does this evidence support this sentence? What the composer, ``citebrief check`` and the scorecard ask.

Two things have to agree: the trained model of ``rag/verify/support/model.py``, and the facts of ``rag/verify/facts.py``. A number, date or
name that no passage has is the commonest fault, and likeness of meaning hardly sees it, nor a "not" put in or an
"according to" left out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from rag.types import Chunk, Quote, Support, Verdict
from rag.verify.facts import denial, missing, reserve
from rag.verify.support.model import CLASSES, SupportModel

_SUPPORT: dict[str, Support] = {"partial": "partial", "refuted": "none", "unrelated": "none"}


class Verifier(Protocol):
    """Judges sentences against evidence."""

    @property
    def name(self) -> str:
        """What it is, for the trace."""
        ...

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """A verdict for each (sentence, the chunks it cites, taken together)."""
        ...

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        """A verdict for each (sentence, the sentences it is to follow from)."""
        ...

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """For each chunk the fewest of its sentences that state ``sentence``; () for no chunks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportVerifier:
    """The trained model, and agreement of numbers, dates and names. ``score`` of a verdict is P(full)."""

    model: SupportModel

    @property
    def name(self) -> str:
        """See :class:`Verifier`."""
        return f"{self.model.name} and facts"

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """See :class:`Verifier`. Title and headings count where a name is looked for, and nowhere else."""
        return self._judge(
            [
                (sentence, [chunk.text for chunk in chunks], [chunk.context for chunk in chunks])
                for sentence, chunks in pairs
            ]
        )

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        """See :class:`Verifier`."""
        return self._judge([(sentence, premises, ()) for sentence, premises in pairs])

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """See :class:`Verifier`."""
        return tuple(
            Quote(chunk_id=chunk.id, start=start, end=end, text=chunk.text[start:end])
            for chunk in chunks
            for start, end in self.model.quote(sentence, chunk.text)
        )

    def _turned(self, sentence: str, passages: Sequence[str]) -> str:
        """How a sentence with the right words turns what its nearest evidence says; "" if it does not."""
        near = [text[start:end] for text in passages for start, end in self.model.quote(sentence, text)]
        if word := denial(sentence, near):
            return f"{word!r} stands on one side only, here or in the cited passage"
        if word := reserve(sentence, near):
            return f"what the cited passage says with {word!r} is told as a fact"
        return ""

    def _judge(self, cases: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> list[Verdict]:
        scores = self.model.score([(sentence, passages) for sentence, passages, _ in cases])
        verdicts = []
        for (sentence, passages, contexts), row in zip(cases, scores, strict=True):
            score = round(float(row[0]), 4)
            if absent := missing(sentence, [*passages, *contexts]):
                reason = f"no cited passage has {', '.join(absent)}"
                verdicts.append(Verdict(support="none", score=min(score, 0.49), judge=self.name, reason=reason))
            elif score >= self.model.threshold and (reason := self._turned(sentence, passages)):
                verdicts.append(Verdict(support="none", score=min(score, 0.49), judge=self.name, reason=reason))
            elif score >= self.model.threshold:
                verdicts.append(Verdict(support="full", score=score, judge=self.name))
            else:
                kind = CLASSES[1 + int(row[1:].argmax())]
                reason = f"{kind}, P(full) {score:.2f}" if passages else "no evidence"
                verdicts.append(Verdict(support=_SUPPORT[kind], score=score, judge=self.name, reason=reason))
        return verdicts


_LOADING = threading.Lock()


def default_verifier() -> SupportVerifier:
    """The shipped verifier, on the encoder that is loaded already; one for the whole process."""
    with _LOADING:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> SupportVerifier:
    from rag.embedding import load_encoder
    from rag.embedding.tokens import TokenEncoder

    return SupportVerifier(model=SupportModel.load(encoder=TokenEncoder.load(load_encoder().transformer)))
