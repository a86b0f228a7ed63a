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
from rag.writing.drafts import Draft, RefusedDraft, main_quotes
from rag.writing.evidence import EvidenceSentence
from rag.writing.faults import fault_of
from rag.writing.repetition import repeated_in
from rag.writing.replacement import (
    StandingSentences,
    comparison_key,
    nearest_evidence,
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
        [sentences] = self.verified_parts([(where, drafts)], revise, printed)
        return sentences

    def verified_parts(
        self, parts: Sequence[tuple[str, Sequence[Draft]]], revise: Revise, printed: Iterable[Sentence] = ()
    ) -> list[list[Sentence]]:
        """Return the sentences of several parts, each a name and its drafts, as :meth:`verified_sentences` does.

        All drafts are verified together, and the refused ones of all parts are revised in one call of ``revise``.
        """
        outcomes = self._outcomes(parts, revise)
        standing = self._standing([each for part in outcomes for each in part], printed)
        for outcome in (each for part in outcomes for each in part):
            self.log += tuple(outcome.repairs)
            if outcome.passed:
                continue
            candidates = (each.as_sentence() for each in _replacements(outcome.draft, standing))
            outcome.sentences = [sentence for sentence in candidates if standing.add(sentence)]
            self._record_replacement(outcome)
        return [[sentence for outcome in part for sentence in outcome.sentences] for part in outcomes]

    def closing_parts(
        self,
        parts: Sequence[tuple[str, Sequence[Draft]]],
        body: Sequence[Sentence],
        revise: Revise,
        printed: Iterable[Sentence] = (),
    ) -> list[list[Sentence]]:
        """Verify the drafts of summary and conclusion, which were written from ``body``, the sentences of all sections.

        A draft that fails, or repeats a sentence of the body, is revised once and then dropped: a body sentence in its
        place would be a copy. A draft that repeats one that stands before it, or in ``printed``, is dropped at once.
        """
        texts = [sentence.text for sentence in body]

        def marked(draft: Draft) -> Draft:
            repeated = None if draft.fault else repeated_in(draft.text, texts)
            return replace(draft, fault=f"it repeats a sentence of a section: {repeated}") if repeated else draft

        def revise_marked(refused: Sequence[RefusedDraft]) -> list[tuple[Draft, ...]]:
            return [tuple(map(marked, drafts)) for drafts in revise(refused)]

        marked_parts = [(where, [marked(draft) for draft in drafts]) for where, drafts in parts]
        standing = [sentence.text for sentence in printed]
        outcomes = self._outcomes(marked_parts, revise_marked)
        for outcome in (each for part in outcomes for each in part):
            self.log += tuple(outcome.repairs)
            if not outcome.passed:
                self._record_replacement(outcome)
                continue
            for sentence in list(outcome.sentences):
                if repeated_in(sentence.text, standing):
                    outcome.sentences.remove(sentence)
                    self.record(outcome.where, "drop", sentence.text, "", "another sentence says it")
                else:
                    standing.append(sentence.text)
        return [[sentence for outcome in part for sentence in outcome.sentences] for part in outcomes]

    def record(self, where: str, action: RepairAction, before: str, after: str, why: str) -> None:
        """Add a repair to the log."""
        self.log += (Repair(where=where, action=action, before=before, after=after, why=why),)

    def _record_replacement(self, outcome: _Outcome) -> None:
        after = " ".join(sentence.text for sentence in outcome.sentences)
        self.record(outcome.where, "quote" if after else "drop", outcome.draft.text, after, outcome.fault)

    def _standing(self, outcomes: Sequence[_Outcome], printed: Iterable[Sentence]) -> StandingSentences:
        """Return what stands in the brief once the sentences that passed are added; one that stands is taken out."""
        standing = StandingSentences.of(printed)
        for outcome in outcomes:
            outcome.sentences = [sentence for sentence in outcome.sentences if standing.add(sentence)]
        return standing

    def _outcomes(self, parts: Sequence[tuple[str, Sequence[Draft]]], revise: Revise) -> list[list[_Outcome]]:
        """Verify the drafts of ``parts``; reattribute those that fail, or else have them revised and verified again."""
        unverified = [draft for _, drafts in parts for draft in drafts if not draft.is_quote and not draft.fault]
        verdicts = dict(zip(map(id, unverified), self._verify(unverified), strict=True))
        outcomes = [
            [self._outcome(draft, where, verdicts.get(id(draft))) for draft in drafts] for where, drafts in parts
        ]
        self._revise([outcome for part in outcomes for outcome in part if not outcome.passed], revise)
        return outcomes

    def _outcome(self, draft: Draft, where: str, verdict: Verdict | None) -> _Outcome:
        """Return what becomes of ``draft`` without a revision. It has no verdict if it is a quote or has a fault."""
        outcome = _Outcome(draft=draft, where=where)
        if draft.is_quote:
            outcome.accept(draft.evidence[0].as_sentence())
            return outcome
        outcome.fault = draft.fault or (fault_of(draft, verdict) if verdict else "")
        if verdict is not None and not outcome.fault:
            self._accept(outcome, draft, verdict)
        elif verdict is not None and (found := self._reattributed(draft)):
            other, better = found
            outcome.record("reattribute", draft.text, f"{outcome.fault}; {other.chunks[0].id} states it")
            outcome.accept(self._sentence(other, better))
        return outcome

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
        sentences of the sections, are known. Nor where the verifier leaves citations to another judge: its word would
        have to be confirmed, and a revision, which sees the nearest passages too, takes no more calls than that.
        """
        judge = self.verifier.citation_judge
        if draft.merged or draft.sources or judge is not self.verifier:
            return None
        others = [chunk for chunk in self.evidence if (chunk,) != draft.chunks]
        single = [replace(draft, chunks=(chunk,)) for chunk in near_chunks(draft.text, others)]
        verdicts = judge.verify([(other.text, other.chunks) for other in single])
        judged = [
            (other, verdict)
            for other, verdict in zip(single, verdicts, strict=True)
            if verdict.support == "full" and verdict.score >= judge.min_reattribution_score
        ]
        return max(judged, key=lambda pair: pair[1].score, default=None)

    def _accept(self, outcome: _Outcome, draft: Draft, verdict: Verdict) -> None:
        """Accept ``draft`` without the chunks that neither support it alone nor are needed.

        The citations of a merged sentence, or of one that was written from sentences of the sections, are known and
        stay. Others go only if the remaining ones are certain to state the sentence, and by the word of the verifier
        that accepted it: the packaged one, as judge of citations beside a chat model, does not read free prose.
        """
        judge = self.verifier.citation_judge
        if len(draft.chunks) > 1 and not draft.merged and not draft.sources and judge is self.verifier:
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

        A draft that was written from sentences of the sections, which are verified, is judged on these: its chunks may
        be more than the verifier reads, or cost more to read. Only if they do not do, and its verdicts come from one
        judge, is it judged on its chunks.
        """
        verdicts = self._verdicts_on_sources([draft for draft in drafts if draft.sources])
        on_chunks = [draft for draft in drafts if not draft.sources]
        if self.verifier.citation_judge is self.verifier:
            on_chunks += [draft for draft in drafts if draft.sources and verdicts[id(draft)].support != "full"]
        found = self.verifier.verify([(draft.text, draft.chunks) for draft in on_chunks])
        for draft, verdict in zip(on_chunks, found, strict=True):
            if verdict.support == "full" or not draft.sources or not verdicts[id(draft)].unsupported:
                verdicts[id(draft)] = verdict
        return [verdicts[id(draft)] for draft in drafts]

    def _verdicts_on_sources(self, drafts: Sequence[Draft]) -> dict[int, Verdict]:
        """Return verdicts by the identity of the drafts, on the sentences that they were written from.

        The packaged verifier reads the words that these quote, too: it does not know that their own are verified.
        """
        alone = self.verifier.citation_judge is not self.verifier
        premises = [
            (draft.text, [" ".join([source.text, *([] if alone else main_quotes(source))]) for source in draft.sources])
            for draft in drafts
        ]
        found = self.verifier.follows(premises) if premises else []
        return {id(draft): verdict for draft, verdict in zip(drafts, found, strict=True)}

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


def _replacements(draft: Draft, standing: StandingSentences) -> Sequence[EvidenceSentence]:
    """Return the evidence sentences that stand in for a draft that failed."""
    if not draft.replaceable:
        return ()
    return draft.evidence if draft.merged else nearest_evidence(draft, standing)
