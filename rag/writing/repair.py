"""Repair sentences that their citations do not support: reattribute, rewrite, quote or drop, in this order.

Most wrong citations belong to a true sentence that another chunk states. So other citations are tried before the words
are changed, as in RARR (Gao et al., ACL 2023), but decided by a verifier instead of a language model. Only fully
supported sentences are returned, each with the citations that it needs and no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rag.errors import ReplyError
from rag.types import Chunk, Repair, RepairAction, Sentence, Verdict
from rag.verify import Verifier
from rag.writing.drafts import Draft

MAX_REWRITES = 4
"""Largest number of model calls for rewriting in a brief."""

MAX_MERGED_REWRITES = 1
"""How many of them may be for merged sentences, whose sources can be quoted instead: of sixteen that the packaged model
rewrote, one was fit to print."""

MIN_REATTRIBUTION_SCORE = 0.7
"""Verifier score that a chunk needs to be cited instead: of forty that are tried, the best often passes by chance."""

PAIR_CANDIDATES = 3
"""Number of chunks, those with the highest scores, that are tried in pairs if no chunk states a sentence alone."""


@dataclass(slots=True, kw_only=True)
class RepairPolicy:
    """Decides which sentences of a brief are printed, one part of the brief after another.

    ``evidence`` are all retrieved chunks. ``rewrite`` asks the writer for another wording of a draft, given its fault;
    it returns None if there is none. ``log`` lists the repairs so far.
    """

    verifier: Verifier
    evidence: Sequence[Chunk]
    rewrite: Callable[[Draft, str], Draft | None]
    rewrites_left: int = MAX_REWRITES
    merged_rewrites_left: int = MAX_MERGED_REWRITES
    log: tuple[Repair, ...] = field(default=())

    def verified_sentences(
        self, drafts: Sequence[Draft], where: str, printed: set[str] | None = None
    ) -> list[Sentence]:
        """Verify ``drafts`` and return the sentences to print in their place.

        Args:
            drafts: the sentences of one part of the brief.
            where: the part's name, for the log.
            printed: the :func:`comparison_key` of sentences of other parts; none of them is printed again.
        """
        seen = set() if printed is None else set(printed)
        sentences: list[Sentence] = []

        def add(sentence: Sentence) -> bool:
            key = comparison_key(sentence.text)
            if key in seen:
                return False
            seen.add(key)
            sentences.append(sentence)
            return True

        unverified = [draft for draft in drafts if not draft.is_quote and not draft.fault]
        verdicts = dict(zip(map(id, unverified), self._verify(unverified), strict=True))
        for draft in drafts:
            if draft.is_quote:
                add(draft.evidence[0].as_sentence())
                continue
            verdict = verdicts.get(id(draft))
            fault = draft.fault or (verdict.reason if verdict and verdict.support != "full" else "")
            sentence = self._supported(draft, verdict, fault, where)
            if sentence is not None:
                add(sentence)
                continue
            quoted = [evidence.text for evidence in draft.evidence if add(evidence.as_sentence())]
            self.record(where, "quote" if quoted else "drop", draft.text, " ".join(quoted), fault)
        return sentences

    def implied_sentences(
        self, sentences: Sequence[Sentence], body: Sequence[Sentence], where: str, printed: set[str]
    ) -> tuple[Sentence, ...]:
        """Return the ``sentences`` of a summary or conclusion that follow from the ``body`` sentences.

        One that does not is replaced by a body sentence that shares a quote with it, or dropped.

        Args:
            sentences: the sentences of the summary or conclusion, verified.
            body: the sentences of all sections.
            where: the part's name, for the log.
            printed: the :func:`comparison_key` of sentences that may not replace one.
        """
        in_body = {comparison_key(sentence.text) for sentence in body}
        unverified = [sentence for sentence in sentences if comparison_key(sentence.text) not in in_body]
        premises = [[s.text for s in body if set(s.citations) & set(sentence.citations)] for sentence in unverified]
        verdicts = self.verifier.follows([(s.text, texts) for s, texts in zip(unverified, premises, strict=True)])
        reasons = {id(s): v.reason for s, v in zip(unverified, verdicts, strict=True) if v.support != "full"}
        kept: list[Sentence] = []
        for sentence in sentences:
            printable = sentence
            if id(sentence) in reasons:
                instead = [
                    s
                    for s in body
                    if _share_words(s, sentence) and comparison_key(s.text) not in printed and s not in kept
                ]
                why = f"the sections do not say it: {reasons[id(sentence)]}"
                after = instead[0].text if instead else ""
                self.record(where, "quote" if instead else "drop", sentence.text, after, why)
                if not instead:
                    continue
                printable = instead[0]
            if printable not in kept:
                kept.append(printable)
        return tuple(kept)

    def record(self, where: str, action: RepairAction, before: str, after: str, why: str) -> None:
        """Add a repair to the log."""
        self.log += (Repair(where=where, action=action, before=before, after=after, why=why),)

    def _supported(self, draft: Draft, verdict: Verdict | None, fault: str, where: str) -> Sentence | None:
        """Return ``draft`` as a fully supported sentence, reattributed or rewritten if need be, or None."""
        if not fault and verdict is not None:
            return self._without_needless_citations(draft, verdict, where)
        if verdict is not None and not draft.merged and (found := self._reattributed(draft)):
            other, better = found
            ids = ", ".join(chunk.id for chunk in other.chunks)
            self.record(where, "reattribute", draft.text, draft.text, f"{fault}; {ids} states it")
            return self._sentence(other, better)
        rewritten = self._rewritten(draft, fault)
        if rewritten is None:
            return None
        [better] = self._verify([rewritten])
        if better.support != "full":
            return None
        self.record(where, "rewrite", draft.text, rewritten.text, fault)
        return self._without_needless_citations(rewritten, better, where)

    def _rewritten(self, draft: Draft, fault: str) -> Draft | None:
        """Return the writer's new wording of ``draft``; None if there is none, it is unusable or none may be asked."""
        if self.rewrites_left <= 0 or (draft.merged and self.merged_rewrites_left <= 0):
            return None
        self.rewrites_left -= 1
        self.merged_rewrites_left -= draft.merged
        try:
            rewritten = self.rewrite(draft, fault)
        except ReplyError:
            return None
        if rewritten is None or rewritten.fault or comparison_key(rewritten.text) == comparison_key(draft.text):
            return None
        return rewritten

    def _reattributed(self, draft: Draft) -> tuple[Draft, Verdict] | None:
        """Return ``draft`` on the retrieved chunk that states it best, or on the best pair of the nearest chunks."""
        single = [replace(draft, chunks=(chunk,)) for chunk in self.evidence if (chunk,) != draft.chunks]
        judged = sorted(zip(single, self._verify(single), strict=True), key=lambda pair: -pair[1].score)
        if judged and _is_certain(judged[0][1]):
            return judged[0]
        near = [other.chunks[0] for other, _ in judged[:PAIR_CANDIDATES]] + list(draft.chunks[:1])
        pairs = [replace(draft, chunks=(a, b)) for i, a in enumerate(near) for b in near[i + 1 :] if a.id != b.id]
        judged = [
            (other, verdict) for other, verdict in zip(pairs, self._verify(pairs), strict=True) if _is_certain(verdict)
        ]
        return max(judged, key=lambda pair: pair[1].score, default=None)

    def _without_needless_citations(self, draft: Draft, verdict: Verdict, where: str) -> Sentence:
        """Return the sentence of ``draft`` without the chunks that neither support it alone nor are needed."""
        if len(draft.chunks) > 1 and not draft.merged:
            alone = self.verifier.verify([(draft.text, (chunk,)) for chunk in draft.chunks])
            weak = [c for c, v in zip(draft.chunks, alone, strict=True) if v.support != "full"]
            for chunk in weak:
                rest = tuple(other for other in draft.chunks if other.id != chunk.id)
                if not rest:
                    break
                [without] = self.verifier.verify([(draft.text, rest)])
                if without.support == "full":
                    draft, verdict = replace(draft, chunks=rest), without
                    self.record(where, "reattribute", draft.text, draft.text, f"{chunk.id} is not needed")
        return self._sentence(draft, verdict)

    def _verify(self, drafts: Sequence[Draft]) -> list[Verdict]:
        return self.verifier.verify([(draft.text, draft.chunks) for draft in drafts])

    def _sentence(self, draft: Draft, verdict: Verdict) -> Sentence:
        known = tuple(sentence.quote for sentence in draft.evidence) if draft.merged else ()
        return Sentence(
            text=draft.text,
            citations=tuple(chunk.id for chunk in draft.chunks),
            support="full",
            score=verdict.score,
            quotes=known or self.verifier.quotes(draft.text, draft.chunks),
        )


def comparison_key(text: str) -> str:
    """Return ``text`` without case, spacing and punctuation: sentences with the same key count as the same."""
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _is_certain(verdict: Verdict) -> bool:
    return verdict.support == "full" and verdict.score >= MIN_REATTRIBUTION_SCORE


def _share_words(a: Sentence, b: Sentence) -> bool:
    """Whether a quote of ``a`` and a quote of ``b`` have characters of a chunk in common."""
    return any(x.chunk_id == y.chunk_id and x.start < y.end and y.start < x.end for x in a.quotes for y in b.quotes)
