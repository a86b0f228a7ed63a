"""The packaged verifier first, then a chat model (spec ``support+llm:SPEC``).

What the packaged verifier is certain of stands: copies and near copies of the evidence that it accepts. The rest is put
to the chat model, whose word decides. In free prose the packaged verifier does not do: it accepted eight of eight false
sentences that a strong writer slipped into three briefs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.types import Chunk, Quote, Verdict
from rag.verify.candidates import CANDIDATES_PER_CLAIM, promising_pairs
from rag.verify.chat_verifier import ChatVerifier
from rag.verify.protocol import Premise, Verifier

THEN = "; then "
"""Separates the names of the two verifiers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeVerifier:
    """``first`` judges every pair, ``second`` those of which it is not certain; a verdict names the one that decided.

    ``candidates`` limits how many pairs with the same claim go to ``second``; none does if ``first`` accepts the claim
    with other evidence, as in a search for a better citation. None puts every pair that is not certain to it.
    """

    first: Verifier
    second: ChatVerifier
    candidates: int | None = CANDIDATES_PER_CLAIM

    @property
    def name(self) -> str:
        """See :class:`rag.verify.protocol.Verifier`."""
        return f"{self.first.name}{THEN}{self.second.name}"

    @property
    def citation_judge(self) -> Verifier:
        """See :class:`rag.verify.protocol.Verifier`. The packaged verifier: it costs no calls."""
        return self.first

    @property
    def min_reattribution_score(self) -> float:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self.first.min_reattribution_score

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        """See :class:`rag.verify.protocol.Verifier`."""
        verdicts = self.first.verify(pairs)
        open_pairs = [at for at, verdict in enumerate(verdicts) if not verdict.certain and pairs[at][1]]
        if self.candidates is not None:
            accepted = {pairs[at][0] for at, verdict in enumerate(verdicts) if verdict.certain}
            open_pairs = [at for at in open_pairs if pairs[at][0] not in accepted]
            chosen = promising_pairs(
                [pairs[at] for at in open_pairs], [verdicts[at].score for at in open_pairs], self.candidates
            )
            open_pairs = [open_pairs[at] for at in chosen]
        second = replace(self.second, candidates=None)  # the pairs that it gets are chosen here
        for at, verdict in zip(open_pairs, second.verify([pairs[at] for at in open_pairs]), strict=True):
            verdicts[at] = verdict
        return verdicts

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self.first.quotes(sentence, chunks)
