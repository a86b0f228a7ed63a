"""Repair sentences that their citations do not support: reattribute, quote or drop, in this order.

Most wrong citations belong to a true sentence that another chunk states. So other citations are tried before the words
are changed, as in RARR (Gao et al., ACL 2023), but decided by a verifier instead of a language model. The refused
sentences of a large writer go back to it with the whole brief (see ``rag/writing/editing.py``). Only fully supported
sentences are returned, each with the citations that it needs and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from rag.types import Chunk, Repair, RepairAction, Sentence, Verdict
from rag.verify import Verifier, near_chunks
from rag.writing.drafts import Draft
from rag.writing.evidence import EvidenceSentence
from rag.writing.faults import fault_of
from rag.writing.outcome import Outcome
from rag.writing.repetition import repeated_in
from rag.writing.replacement import StandingSentences, nearest_evidence


@dataclass(slots=True, kw_only=True)
class RepairPolicy:
    """Decides which sentences of a brief are printed, one part of the brief after another.

    ``evidence`` are the chunks that may be cited instead. A chunk that the draft does not cite is cited instead if it
    alone states the draft with at least the verifier's ``min_reattribution_score``: of up to eight that are tried, one
    may pass by chance.
    ``log`` lists the repairs so far.
    """

    verifier: Verifier
    evidence: Sequence[Chunk]
    log: tuple[Repair, ...] = field(default=())

    def verified_sentences(
        self, drafts: Sequence[Draft], where: str, printed: Iterable[Sentence] = ()
    ) -> list[Sentence]:
        """Verify ``drafts`` and return the sentences to print in their place.

        A draft that fails is replaced by the evidence sentence that says the nearest thing and does not stand in the
        brief yet, with what qualifies it.

        Args:
            drafts: the sentences of one part of the brief.
            where: the part's name, for the log.
            printed: the sentences of other parts; none of them is printed again.
        """
        outcomes = self.judged([(where, drafts)])
        [sentences], repairs = self.settled(outcomes, printed)
        self.log += repairs
        return sentences

    def judged(self, parts: Sequence[tuple[str, Sequence[Draft]]]) -> list[list[Outcome]]:
        """Verify the drafts of ``parts`` together, and return what becomes of them before any correction.

        One that fails passes with other citations if a single passage is certain to state it.
        """
        unverified = [draft for _, drafts in parts for draft in drafts if not draft.fault]
        verdicts = dict(zip(map(id, unverified), self._verify(unverified), strict=True))
        return [[self._outcome(draft, where, verdicts.get(id(draft))) for draft in drafts] for where, drafts in parts]

    def settled(
        self, outcomes: Sequence[Sequence[Outcome]], printed: Iterable[Sentence] = ()
    ) -> tuple[list[list[Sentence]], tuple[Repair, ...]]:
        """Return the sentences to print of each part, with evidence in place of what did not pass, and all repairs.

        The repairs are not logged: what did not pass may still be corrected.
        """
        repairs: list[Repair] = []
        everything = [outcome for part in outcomes for outcome in part]
        standing = StandingSentences.of(printed)
        sentences = {
            id(each): [sentence for sentence in each.sentences if standing.add(sentence) or each.draft.is_side]
            for each in everything
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

        One of ``closing``, summary and conclusion, that repeats what passed of ``parts`` or before it has that fault.
        """
        outcomes = self.judged([*parts, *closing])
        texts = [sentence.text for own in outcomes[: len(parts)] for each in own for sentence in each.sentences]
        for own in outcomes[len(parts) :]:
            own[:] = [_refused_if_repeated(outcome, texts) for outcome in own]
        return outcomes

    def record(self, where: str, action: RepairAction, before: str, after: str, why: str) -> None:
        """Add a repair to the log."""
        self.log += (Repair(where=where, action=action, before=before, after=after, why=why),)

    def _outcome(self, draft: Draft, where: str, verdict: Verdict | None) -> Outcome:
        """Return what becomes of ``draft`` before any correction. It has no verdict if it has a fault."""
        outcome = Outcome(draft=draft, where=where)
        outcome.fault = draft.fault or (fault_of(draft, verdict) if verdict else "")
        if verdict is not None and not outcome.fault:
            self._accept(outcome, draft, verdict)
        elif verdict is not None and (found := self._reattributed(draft)):
            other, better = found
            outcome.record("reattribute", draft.text, f"{outcome.fault}; {other.chunks[0].id} states it")
            outcome.accept(self._sentence(other, better))
        return outcome

    def _reattributed(self, draft: Draft) -> tuple[Draft, Verdict] | None:
        """Return ``draft`` on the retrieved chunk that states it best, if this chunk alone is certain to.

        Not where the verifier leaves citations to another judge: its word would have to be confirmed, and a correction,
        which sees more passages, takes no more calls than that.
        """
        judge = self.verifier.citation_judge
        if judge is not self.verifier:
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

        A verdict may say what is needed. Without that citations go only if the remaining ones are certain to state the
        sentence, and by the word of the verifier that accepted it: the packaged one, as judge of citations beside a
        chat model, does not read free prose.
        """
        judge = self.verifier.citation_judge
        if verdict.needed:
            shorter = replace(draft, chunks=tuple(draft.chunks[at] for at in verdict.needed))
            if left_out := [each for each in draft.citations if each not in shorter.citations]:
                why = f"{', '.join(left_out)}: not needed"
                outcome.record("reattribute", draft.text, why, before=draft.text)
            draft = shorter
        elif len(draft.chunks) > 1 and judge is self.verifier:
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
        return Sentence(
            text=draft.text,
            citations=tuple(chunk.id for chunk in draft.chunks),
            support="full",
            score=verdict.score,
            quotes=self.verifier.quotes(draft.text, draft.chunks),
        )


def replacement_repair(outcome: Outcome, sentences: Sequence[Sentence]) -> Repair:
    """Return the repair that prints ``sentences`` in place of a draft that did not pass."""
    after = " ".join(sentence.text for sentence in sentences)
    action: RepairAction = "quote" if after else "drop"
    return Repair(where=outcome.where, action=action, before=outcome.draft.text, after=after, why=outcome.fault)


def _refused_if_repeated(outcome: Outcome, texts: list[str]) -> Outcome:
    """Return ``outcome``, refused if it passed and repeats one of ``texts``; else its own are added to these."""
    if outcome.passed and (repeated := repeated_in(outcome.draft.text, texts)):
        return Outcome(draft=outcome.draft, where=outcome.where, fault=f"it repeats another sentence: {repeated}")
    texts += [sentence.text for sentence in outcome.sentences]
    return outcome


def _replacements(draft: Draft, standing: StandingSentences) -> Sequence[EvidenceSentence]:
    """Return the evidence sentences that stand in for a draft that failed."""
    if draft.is_side:
        return ()
    return nearest_evidence(draft, standing)
