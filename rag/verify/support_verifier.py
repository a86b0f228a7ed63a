"""The packaged verifier (spec ``support``): a trained model, and a veto of missing full names.

A sentence passes if the trained model (``rag/verify/support/model.py``) accepts it and it has no full name that the
evidence lacks (``rag/verify/facts.py``). Other facts that are missing become part of the reason, also of an
acceptance: a chat model behind this verifier is then asked (``rag/verify/cascade.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.types import Chunk, Quote, Support, Verdict
from rag.verify.facts import suspicions, vetoes

if TYPE_CHECKING:
    from rag.verify.support.model import SupportModel

_SUPPORT: dict[str, Support] = {"partial": "partial", "refuted": "none", "unrelated": "none"}
"""The grade of each class of the model but ``full``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportVerifier:
    """The packaged support model, and the veto of :mod:`rag.verify.facts`. A verdict's ``score`` is P(full)."""

    model: SupportModel

    @property
    def name(self) -> str:
        """See :class:`rag.verify.protocol.Verifier`."""
        return f"{self.model.name} and facts"

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """See :class:`rag.verify.protocol.Verifier`.

        Titles and headings count as evidence for numbers, dates and names only.
        """
        return self._judge(
            [
                (sentence, [chunk.text for chunk in chunks], [chunk.context for chunk in chunks])
                for sentence, chunks in pairs
            ]
        )

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self._judge([(sentence, premises, ()) for sentence, premises in pairs])

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """See :class:`rag.verify.protocol.Verifier`."""
        return tuple(
            Quote(chunk_id=chunk.id, start=start, end=end, text=chunk.text[start:end])
            for chunk in chunks
            for start, end in self.model.quote(sentence, chunk.text)
        )

    def _judge(self, cases: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> list[Verdict]:
        """Return a verdict for each (sentence, passages, contexts); contexts are searched for facts only."""
        from rag.verify.support.model import CLASSES

        scores = self.model.score([(sentence, passages) for sentence, passages, _ in cases])
        verdicts = []
        for (sentence, passages, contexts), row in zip(cases, scores, strict=True):
            score = round(float(row[0]), 4)
            absent = suspicions(sentence, passages, contexts) if passages else []
            doubt = f"no cited passage has {', '.join(absent)}" if absent else ""
            if vetoed := vetoes(sentence, passages, contexts):
                reason = f"no cited passage has {', '.join(vetoed)}"
                verdicts.append(Verdict(support="none", score=min(score, 0.49), judge=self.name, reason=reason))
            elif score >= self.model.threshold:
                verdicts.append(Verdict(support="full", score=score, judge=self.name, reason=doubt))
            else:
                kind = CLASSES[1 + int(row[1:].argmax())]
                reason = f"{kind}, P(full) {score:.2f}" if passages else "no evidence"
                reason += f"; {doubt}" if doubt else ""
                verdicts.append(Verdict(support=_SUPPORT[kind], score=score, judge=self.name, reason=reason))
        return verdicts


_LOADING = threading.Lock()


def default_verifier() -> SupportVerifier:
    """Return the process's one packaged verifier, loaded on first use; it shares the transformer of the encoder."""
    with _LOADING:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> SupportVerifier:
    from rag.embedding import load_encoder
    from rag.embedding.tokens import TokenEncoder
    from rag.verify.support.model import SupportModel

    return SupportVerifier(model=SupportModel.load(encoder=TokenEncoder.load(load_encoder().transformer)))
