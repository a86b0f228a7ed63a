"""Repair sentences that their citations do not support: reattribute, revise, quote or drop, in this order.

Most wrong citations belong to a true sentence that another chunk states. So other citations are tried before the words
are changed, as in RARR (Gao et al., ACL 2023), but decided by a verifier instead of a language model. Then the refused
sentences of a part go back to a small writer together, and to a large one with the whole brief (see
``rag/writing/editing.py``). Only fully supported sentences are returned, each with the citations that it needs and no
others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from rag.errors import ReplyError
from rag.types import Chunk, Repair, RepairAction, Sentence, Verdict
from rag.verify import Verifier, near_chunks
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.evidence import EvidenceSentence
from rag.writing.faults import fault_of
from rag.writing.outcome import Outcome
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

    ``evidence`` are the chunks that may be cited instead. ``max_rewrites`` limits the drafts of the brief that are
    revised; None sets no limit. A chunk that the draft does not cite is cited instead if it alone states the draft with
    at least the verifier's ``min_reattribution_score``: of up to eight that are tried, one may pass by chance.
    ``log`` lists the repairs so far.
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
        outcomes = self.judged([(where, drafts)])
        self._revise([outcome for outcome in outcomes[0] if not outcome.passed], revise)
        [sentences], repairs = self.settled(outcomes, printed)
        self.log += repairs
        return sentences

    def judged(self, parts: Sequence[tuple[str, Sequence[Draft]]]) -> list[list[Outcome]]:
        """Verify the drafts of ``parts`` together, and return what becomes of them without a revision.

        One that fails passes with other citations if a single passage is certain to state it.
        """
        unverified = [draft for _, drafts in parts for draft in drafts if not draft.is_quote and not draft.fault]
        verdicts = dict(zip(map(id, unverified), self._verify(unverified), strict=True))
        return [[self._outcome(draft, where, verdicts.get(id(draft))) for draft in drafts] for where, drafts in parts]

    def settled(
        self, outcomes: Sequence[Sequence[Outcome]], printed: Iterable[Sentence] = ()
    ) -> tuple[list[list[Sentence]], tuple[Repair, ...]]:
        """Return the sentences to print of each part, with evidence in place of what did not pass, and all repairs.

        The repairs are not logged: what did not pass may still be revised.
        """
        repairs: list[Repair] = []
        everything = [outcome for part in outcomes for outcome in part]
        standing = StandingSentences.of(printed)
        sentences = {
            id(each): [sentence for sentence in each.sentences if standing.add(sentence)] for each in everything
        }
        for outcome in everything:
            repairs += outcome.repairs
            if outcome.passed:
                continue
            candidates = (each.as_sentence() for each in _replacements(outcome.draft, standing))
            sentences[id(outcome)] = [sentence for sentence in candidates if standing.add(sentence)]
            repairs.append(replacement_repair(outcome, sentences[id(outcome)]))
        parts = [[sentence for outcome in part for sentence in sentences[id(outcome)]] for part in outcomes]
        return parts, tuple(repairs)

    def judged_brief(
        self, parts: Sequence[tuple[str, Sequence[Draft]]], closing: Sequence[tuple[str, Sequence[Draft]]]
    ) -> list[list[Outcome]]:
        """Verify the drafts of ``parts``, then of ``closing``, all together; see :meth:`judged`.

        One of ``closing``, summary and conclusion, that repeats a draft of ``parts`` or one before it has that fault.
        """
        texts = [draft.text for _, drafts in parts for draft in drafts]
        marked = []
        for where, drafts in closing:
            marked.append((where, list[Draft]()))
            for draft in drafts:
                marked[-1][1].append(_marked_if_repeated(draft, texts))
                texts.append(draft.text)
        return self.judged([*parts, *marked])

    def record(self, where: str, action: RepairAction, before: str, after: str, why: str) -> None:
        """Add a repair to the log."""
        self.log += (Repair(where=where, action=action, before=before, after=after, why=why),)

    def _outcome(self, draft: Draft, where: str, verdict: Verdict | None) -> Outcome:
        """Return what becomes of ``draft`` without a revision. It has no verdict if it is a quote or has a fault."""
        outcome = Outcome(draft=draft, where=where)
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

    def _revise(self, refused: Sequence[Outcome], revise: Revise) -> None:
        """Have the drafts of ``refused`` revised, as far as the limit allows, and accept what is supported then."""
        outcomes = [outcome for outcome in refused if self._may_revise()]
        if not outcomes:
            return
        try:
            revised = revise([outcome.refused for outcome in outcomes])
        except ReplyError:
            return
        pairs = [
            (outcome, draft)
            for outcome, drafts in zip(outcomes, revised, strict=True)
            for draft in drafts
            if outcome.admits(draft)
        ]
        verdicts = self._verify([draft for _, draft in pairs])
        for (outcome, draft), verdict in zip(pairs, verdicts, strict=True):
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

        Only for drafts whose citations the writer chose: those of a merged sentence are known. Nor where the verifier
        leaves citations to another judge: its word would have to be confirmed, and a correction, which sees more
        passages, takes no more calls than that.
        """
        judge = self.verifier.citation_judge
        if draft.merged or judge is not self.verifier:
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

    def _accept(self, outcome: Outcome, draft: Draft, verdict: Verdict) -> None:
        """Accept ``draft`` without the chunks that it does not need.

        The citations of a merged sentence are known and stay. A verdict may say what is needed. Without that citations
        go only if the remaining ones are certain to state the sentence, and by the word of the verifier that accepted
        it: the packaged one, as judge of citations beside a chat model, does not read free prose.
        """
        judge = self.verifier.citation_judge
        if verdict.needed and not draft.merged:
            shorter = replace(draft, chunks=tuple(draft.chunks[at] for at in verdict.needed))
            if left_out := [each for each in draft.citations if each not in shorter.citations]:
                why = f"{', '.join(left_out)}: not needed"
                outcome.record("reattribute", draft.text, why, before=draft.text)
            draft = shorter
        elif len(draft.chunks) > 1 and not draft.merged and judge is self.verifier:
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
        """Return a verdict for each draft on its chunks."""
        return self.verifier.verify([(draft.text, draft.chunks) for draft in drafts]) if drafts else []

    def _sentence(self, draft: Draft, verdict: Verdict) -> Sentence:
        known = tuple(sentence.quote for sentence in draft.evidence) if draft.merged else ()
        return Sentence(
            text=draft.text,
            citations=tuple(chunk.id for chunk in draft.chunks),
            support="full",
            score=verdict.score,
            quotes=known or self.verifier.quotes(draft.text, draft.chunks),
        )


def replacement_repair(outcome: Outcome, sentences: Sequence[Sentence]) -> Repair:
    """Return the repair that prints ``sentences`` in place of a draft that did not pass."""
    after = " ".join(sentence.text for sentence in sentences)
    action: RepairAction = "quote" if after else "drop"
    return Repair(where=outcome.where, action=action, before=outcome.draft.text, after=after, why=outcome.fault)


def _marked_if_repeated(draft: Draft, texts: Iterable[str]) -> Draft:
    """Return ``draft``, with a fault if it repeats one of ``texts``."""
    repeated = repeated_in(draft.text, texts)
    return replace(draft, fault=f"it repeats another sentence: {repeated}") if repeated else draft


def _replacements(draft: Draft, standing: StandingSentences) -> Sequence[EvidenceSentence]:
    """Return the evidence sentences that stand in for a draft that failed."""
    if not draft.replaceable:
        return ()
    return draft.evidence if draft.merged else nearest_evidence(draft, standing)
