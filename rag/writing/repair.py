"""Repair sentences that their citations do not support: reattribute, revise, quote or drop, in this order.

Most wrong citations belong to a true sentence that another chunk states. So other citations are tried before the words
are changed, as in RARR (Gao et al., ACL 2023), but decided by a verifier instead of a language model. Then the refused
sentences of a part go back to the writer together. Only fully supported sentences are returned, each with the citations
that it needs and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from rag.errors import ReplyError
from rag.types import Chunk, Repair, RepairAction, Sentence, Verdict
from rag.verify import Verifier, near_chunks
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.faults import fault_of
from rag.writing.replacement import (
    StandingSentences,
    comparison_key,
    nearest_evidence,
    nearest_sentence,
    share_quoted_words,
    with_qualifying_sentences,
)

Revise = Callable[[Sequence[RefusedDraft]], Sequence[tuple[Draft, ...]]]
"""Asks the writer for new wordings; returns as many tuples as it got drafts, empty where there is no usable reply."""


@dataclass(slots=True, kw_only=True)
class RepairPolicy:
    """Decides which sentences of a brief are printed, one part of the brief after another.

    ``evidence`` are all retrieved chunks. ``max_rewrites`` limits the drafts of the brief that are revised; None sets
    no limit. A chunk that the draft does not cite is cited instead if it alone states the draft with at least the
    verifier's ``min_reattribution_score``: of forty that are tried, the best often passes by chance. ``log`` lists the
    repairs so far.
    """

    verifier: Verifier
    evidence: Sequence[Chunk]
    max_rewrites: int | None = None
    log: tuple[Repair, ...] = field(default=())
    _rewrites: int = 0

    def verified_sentences(
        self, drafts: Sequence[Draft], where: str, revise: Revise, printed: Iterable[Sentence] = ()
    ) -> list[Sentence]:
        """Verify ``drafts`` and return the sentences to print in their place.

        A draft that fails is replaced by the evidence sentence that says the nearest thing and does not stand in the
        brief yet, with what qualifies it; a merged one by all its sources.

        Args:
            drafts: the sentences of one part of the brief.
            where: the part's name, for the log.
            revise: asks the writer for new wordings of refused drafts.
            printed: the sentences of other parts; none of them is printed again.
        """
        outcomes = self._outcomes(drafts, where, revise)
        standing = self._standing(outcomes, printed)
        for outcome in outcomes:
            self.log += tuple(outcome.repairs)
            if outcome.passed:
                continue
            draft = outcome.draft
            candidates = draft.evidence if draft.merged else nearest_evidence(draft, standing)
            outcome.sentences = [
                sentence for sentence in (each.as_sentence() for each in candidates) if standing.add(sentence)
            ]
            self._record_replacement(where, outcome)
        return [sentence for outcome in outcomes for sentence in outcome.sentences]

    def closing_sentences(
        self,
        drafts: Sequence[Draft],
        body: Sequence[Sentence],
        where: str,
        revise: Revise,
        printed: Iterable[Sentence] = (),
    ) -> list[Sentence]:
        """Verify the drafts of a summary or conclusion that were written from ``body``, the sentences of all sections.

        A draft that fails is replaced by the body sentence that says the nearest thing and does not stand in this part
        or in ``printed`` yet, with the body sentences that qualify it.
        """
        outcomes = self._outcomes(drafts, where, revise)
        standing = self._standing(outcomes, printed)
        chunks = {chunk.id: chunk for chunk in self.evidence}
        for outcome in outcomes:
            self.log += tuple(outcome.repairs)
            if outcome.passed:
                continue
            nearest = nearest_sentence(outcome.draft, [s for s in body if s not in standing])
            outcome.sentences = [
                sentence
                for sentence in (with_qualifying_sentences(nearest, body, chunks) if nearest else ())
                if standing.add(sentence)
            ]
            self._record_replacement(where, outcome)
        return [sentence for outcome in outcomes for sentence in outcome.sentences]

    def implied_sentences(
        self, sentences: Sequence[Sentence], body: Sequence[Sentence], where: str, printed: Iterable[Sentence] = ()
    ) -> list[Sentence]:
        """Return the ``sentences`` of a summary or conclusion that follow from the ``body`` sentences.

        For writers that make these parts from evidence and not from ``body``. A sentence that does not follow is
        replaced by a body sentence that shares a quote with it, or dropped.

        Args:
            sentences: the sentences of the summary or conclusion, verified.
            body: the sentences of all sections.
            where: the part's name, for the log.
            printed: sentences that may not replace one.
        """
        in_body = {comparison_key(sentence.text) for sentence in body}
        unverified = [sentence for sentence in sentences if comparison_key(sentence.text) not in in_body]
        premises = [[s.text for s in body if set(s.citations) & set(sentence.citations)] for sentence in unverified]
        verdicts = self.verifier.follows([(s.text, texts) for s, texts in zip(unverified, premises, strict=True)])
        not_implied = {id(s) for s, v in zip(unverified, verdicts, strict=True) if v.support != "full"}
        standing = StandingSentences.of(printed)
        kept: list[Sentence] = []
        for sentence in sentences:
            printable = sentence
            if id(sentence) in not_implied:
                instead = next((s for s in body if share_quoted_words(s, sentence) and s not in standing), None)
                action: RepairAction = "quote" if instead else "drop"
                after = instead.text if instead else ""
                self.record(where, action, sentence.text, after, "the sections do not say it")
                if instead is None:
                    continue
                printable = instead
            if standing.add(printable):
                kept.append(printable)
        return kept

    def record(self, where: str, action: RepairAction, before: str, after: str, why: str) -> None:
        """Add a repair to the log."""
        self.log += (Repair(where=where, action=action, before=before, after=after, why=why),)

    def _record_replacement(self, where: str, outcome: _Outcome) -> None:
        after = " ".join(sentence.text for sentence in outcome.sentences)
        self.record(where, "quote" if after else "drop", outcome.draft.text, after, outcome.fault)

    def _standing(self, outcomes: Sequence[_Outcome], printed: Iterable[Sentence]) -> StandingSentences:
        """Return what stands in the brief once the sentences that passed are added; one that stands is taken out."""
        standing = StandingSentences.of(printed)
        for outcome in outcomes:
            outcome.sentences = [sentence for sentence in outcome.sentences if standing.add(sentence)]
        return standing

    def _outcomes(self, drafts: Sequence[Draft], where: str, revise: Revise) -> list[_Outcome]:
        """Verify ``drafts``; reattribute those that fail, then have the others revised and verify them again."""
        unverified = [draft for draft in drafts if not draft.is_quote and not draft.fault]
        verdicts = dict(zip(map(id, unverified), self._verify(unverified), strict=True))
        outcomes = []
        for draft in drafts:
            outcome = _Outcome(draft=draft, where=where)
            outcomes.append(outcome)
            verdict = verdicts.get(id(draft))
            if draft.is_quote:
                outcome.accept(draft.evidence[0].as_sentence())
                continue
            outcome.fault = draft.fault or (fault_of(draft, verdict) if verdict else "")
            if verdict is not None and not outcome.fault:
                self._accept(outcome, draft, verdict)
            elif verdict is not None and (found := self._reattributed(draft)):
                other, better = found
                outcome.record("reattribute", draft.text, f"{outcome.fault}; {other.chunks[0].id} states it")
                outcome.accept(self._sentence(other, better))
        self._revise([outcome for outcome in outcomes if not outcome.passed], revise)
        return outcomes

    def _revise(self, refused: Sequence[_Outcome], revise: Revise) -> None:
        """Have the drafts of ``refused`` revised, as far as the limits allow, and accept what is supported then."""
        revisable = [outcome for outcome in refused if self._may_revise()]
        if not revisable:
            return
        try:
            revised = revise([RefusedDraft(draft=outcome.draft, fault=outcome.fault) for outcome in revisable])
        except ReplyError:
            return
        pairs = [
            (outcome, draft)
            for outcome, drafts in zip(revisable, revised, strict=True)
            for draft in drafts
            if not draft.fault and not _same(draft, outcome.draft)
        ]
        for (outcome, draft), verdict in zip(pairs, self._verify([draft for _, draft in pairs]), strict=True):
            if verdict.support == "full":
                same_words = comparison_key(draft.text) == comparison_key(outcome.draft.text)
                outcome.record("reattribute" if same_words else "rewrite", draft.text, outcome.fault)
                self._accept(outcome, draft, verdict)

    def _may_revise(self) -> bool:
        """Count one more rewrite, and return whether the limit allows it."""
        if self.max_rewrites is not None and self._rewrites >= self.max_rewrites:
            return False
        self._rewrites += 1
        return True

    def _reattributed(self, draft: Draft) -> tuple[Draft, Verdict] | None:
        """Return ``draft`` on the retrieved chunk that states it best, if this chunk alone is certain to.

        Only for drafts whose citations the writer chose: those of a merged sentence, or of one that was written from
        sentences of the sections, are known.
        """
        if draft.merged or draft.sources:
            return None
        others = [chunk for chunk in self.evidence if (chunk,) != draft.chunks]
        single = [replace(draft, chunks=(chunk,)) for chunk in near_chunks(draft.text, others)]
        judge = self.verifier.citation_judge
        verdicts = judge.verify([(other.text, other.chunks) for other in single])
        judged = [
            (other, verdict)
            for other, verdict in zip(single, verdicts, strict=True)
            if verdict.support == "full" and verdict.score >= judge.min_reattribution_score
        ]
        best = max(judged, key=lambda pair: pair[1].score, default=None)
        if best is None or judge is self.verifier:
            return best
        [verdict] = self._verify([best[0]])
        return (best[0], verdict) if verdict.support == "full" else None

    def _accept(self, outcome: _Outcome, draft: Draft, verdict: Verdict) -> None:
        """Accept ``draft`` without the chunks that neither support it alone nor are needed.

        The citations of a merged sentence, or of one that was written from sentences of the sections, are known and
        stay. Others go only if the remaining ones are certain to state the sentence.
        """
        if len(draft.chunks) > 1 and not draft.merged and not draft.sources:
            judge = self.verifier.citation_judge
            alone = judge.verify([(draft.text, (chunk,)) for chunk in draft.chunks])
            by_chunk = {chunk.id: found for chunk, found in zip(draft.chunks, alone, strict=True)}
            weak = [chunk for chunk in draft.chunks if by_chunk[chunk.id].support != "full"]
            for chunk in weak:
                rest = tuple(other for other in draft.chunks if other.id != chunk.id)
                if not rest:
                    break
                without = by_chunk[rest[0].id] if len(rest) == 1 else judge.verify([(draft.text, rest)])[0]
                if without.support == "full" and without.score >= judge.min_reattribution_score:
                    draft, verdict = replace(draft, chunks=rest), without
                    outcome.record("reattribute", draft.text, f"{chunk.id} is not needed", before=draft.text)
        outcome.accept(self._sentence(draft, verdict))

    def _verify(self, drafts: Sequence[Draft]) -> list[Verdict]:
        """Return a verdict for each draft on its chunks.

        A draft that was written from sentences of the sections, which are verified, is judged on these if its chunks do
        not do: together they may be longer than the verifier reads.
        """
        verdicts = self.verifier.verify([(draft.text, draft.chunks) for draft in drafts])
        again = [n for n, draft in enumerate(drafts) if draft.sources and verdicts[n].support != "full"]
        premises = [(drafts[n].text, [sentence.text for sentence in drafts[n].sources]) for n in again]
        for n, verdict in zip(again, self.verifier.follows(premises) if again else (), strict=True):
            if verdict.support == "full" or not verdicts[n].unsupported:
                verdicts[n] = verdict
        return verdicts

    def _sentence(self, draft: Draft, verdict: Verdict) -> Sentence:
        known = tuple(sentence.quote for sentence in draft.evidence) if draft.merged else ()
        return Sentence(
            text=draft.text,
            citations=tuple(chunk.id for chunk in draft.chunks),
            support="full",
            score=verdict.score,
            quotes=known or self.verifier.quotes(draft.text, draft.chunks),
        )


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """What becomes of a draft: the sentences that are printed for it, and the repairs that led to them."""

    draft: Draft
    where: str
    fault: str = ""
    passed: bool = False
    sentences: list[Sentence] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)

    def accept(self, sentence: Sentence) -> None:
        self.passed = True
        self.sentences.append(sentence)

    def record(self, action: RepairAction, after: str, why: str, *, before: str | None = None) -> None:
        before = self.draft.text if before is None else before
        self.repairs.append(Repair(where=self.where, action=action, before=before, after=after, why=why))


def _same(a: Draft, b: Draft) -> bool:
    """Whether two drafts have the same words and cite the same chunks."""
    return comparison_key(a.text) == comparison_key(b.text) and set(a.chunks) == set(b.chunks)
