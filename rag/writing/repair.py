"""The ladder: what is done with a sentence that its citations do not support.

Re-attribute → rewrite → quote → drop. Most bad citations are of a true sentence that stands in another passage, so
citations are sought anew before words are changed, as in RARR (Gao et al., ACL 2023) but with a verifier in place of a
model's opinion. Only sentences of full support leave this file, each with the citations that it needs and no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rag.errors import ReplyError
from rag.types import Chunk, Quote, Repair, RepairAction, Sentence, Verdict
from rag.verify.verifier import Verifier
from rag.writing.evidence import EvidenceSentence
from rag.writing.writers import Draft

REWRITES = 4
"""Model calls that a brief may spend on rewriting, at the most."""

REWRITES_OF_FUSED = 1
"""Those of them that may go to sentences fused from notes, whose notes can be told one by one instead: of sixteen that
the packaged model rewrote, one was fit to print."""

SURE = 0.7
"""P(full) that a passage must have to be cited instead: the best of forty that are tried is often lucky."""

PAIRED = 3
"""Passages, the nearest ones, that are tried two by two where none states a sentence alone."""


@dataclass(slots=True, kw_only=True)
class RepairPolicy:
    """Settles a brief's sentences one part after another. ``evidence`` is all that was retrieved.

    ``rewrite`` asks the writer for another wording of a draft, given what is wrong with it; None where there is none.
    """

    verifier: Verifier
    evidence: Sequence[Chunk]
    rewrite: Callable[[Draft, str], Draft | None]
    rewrites: int = REWRITES
    of_fused: int = REWRITES_OF_FUSED
    log: tuple[Repair, ...] = field(default=())

    def settle(self, drafts: Sequence[Draft], where: str, printed: set[str] | None = None) -> list[Sentence]:
        """The sentences that may be printed in place of ``drafts``.

        ``printed`` are sentences of other parts, in :func:`same`'s form; none of them is printed again.
        """
        seen = set() if printed is None else set(printed)
        sentences: list[Sentence] = []

        def put(sentence: Sentence) -> bool:
            key = same(sentence.text)
            if key in seen:
                return False
            seen.add(key)
            sentences.append(sentence)
            return True

        asked = [draft for draft in drafts if not _is_quote(draft) and not draft.fault]
        verdicts = dict(zip(map(id, asked), self._verdicts(asked), strict=True))
        for draft in drafts:
            if _is_quote(draft):
                put(quoted(draft.notes[0]))
                continue
            verdict = verdicts.get(id(draft))
            fault = draft.fault or (verdict.reason if verdict and verdict.support != "full" else "")
            sentence = self._climb(draft, verdict, fault, where)
            if sentence is not None:
                put(sentence)
                continue
            instead = [note.text for note in draft.notes if put(quoted(note))]
            self.note(where, "quote" if instead else "drop", draft.text, " ".join(instead), fault)
        return sentences

    def follow(
        self, sentences: Sequence[Sentence], body: Sequence[Sentence], where: str, printed: set[str]
    ) -> tuple[Sentence, ...]:
        """``sentences`` of a summary or conclusion, each of which also follows from what ``body`` says.

        One that does not gives way to the body sentence that rests on the same quote, or is dropped.
        """
        said = {same(sentence.text) for sentence in body}
        asked = [sentence for sentence in sentences if same(sentence.text) not in said]
        premises = [[s.text for s in body if set(s.citations) & set(sentence.citations)] for sentence in asked]
        verdicts = self.verifier.follows([(s.text, p) for s, p in zip(asked, premises, strict=True)])
        astray = {id(s): v.reason for s, v in zip(asked, verdicts, strict=True) if v.support != "full"}
        kept: list[Sentence] = []
        for sentence in sentences:
            printable = sentence
            if id(sentence) in astray:
                spoken = [s for s in body if _overlap(s, sentence) and same(s.text) not in printed and s not in kept]
                why = f"the sections do not say it: {astray[id(sentence)]}"
                self.note(where, "quote" if spoken else "drop", sentence.text, spoken[0].text if spoken else "", why)
                if not spoken:
                    continue
                printable = spoken[0]
            if printable not in kept:
                kept.append(printable)
        return tuple(kept)

    def note(self, where: str, action: RepairAction, before: str, after: str, why: str) -> None:
        """Keep in the trace what was done."""
        self.log += (Repair(where=where, action=action, before=before, after=after, why=why),)

    def _climb(self, draft: Draft, verdict: Verdict | None, fault: str, where: str) -> Sentence | None:
        if not fault and verdict is not None:
            return self._needed(draft, verdict, where)
        if verdict is not None and not draft.provenance and (found := self._elsewhere(draft)):
            other, better = found
            ids = ", ".join(chunk.id for chunk in other.chunks)
            self.note(where, "reattribute", draft.text, draft.text, f"{fault}; {ids} states it")
            return self._sentence(other, better)
        if self.rewrites > 0 and (self.of_fused > 0 or not draft.provenance):
            self.rewrites -= 1
            self.of_fused -= draft.provenance
            try:
                again = self.rewrite(draft, fault)
            except ReplyError:
                again = None
            if again is not None and not again.fault and same(again.text) != same(draft.text):
                [better] = self._verdicts([again])
                if better.support == "full":
                    self.note(where, "rewrite", draft.text, again.text, fault)
                    return self._needed(again, better, where)
        return None

    def _verdicts(self, drafts: Sequence[Draft]) -> list[Verdict]:
        return self.verifier.verify([(draft.text, draft.chunks) for draft in drafts])

    def _elsewhere(self, draft: Draft) -> tuple[Draft, Verdict] | None:
        """``draft`` on the retrieved passage that states it best, or on two of the nearest together."""
        alone = [replace(draft, chunks=(chunk,)) for chunk in self.evidence if (chunk,) != draft.chunks]
        judged = sorted(zip(alone, self._verdicts(alone), strict=True), key=lambda pair: -pair[1].score)
        if judged and judged[0][1].support == "full" and judged[0][1].score >= SURE:
            return judged[0]
        near = [other.chunks[0] for other, _ in judged[:PAIRED]] + list(draft.chunks[:1])
        pairs = [replace(draft, chunks=(a, b)) for i, a in enumerate(near) for b in near[i + 1 :] if a.id != b.id]
        judged = [
            (made, verdict)
            for made, verdict in zip(pairs, self._verdicts(pairs), strict=True)
            if verdict.support == "full" and verdict.score >= SURE
        ]
        return max(judged, key=lambda pair: pair[1].score, default=None)

    def _needed(self, draft: Draft, verdict: Verdict, where: str) -> Sentence:
        """``draft`` without the citations that are neither needed nor enough alone."""
        if len(draft.chunks) > 1 and not draft.provenance:
            alone = self.verifier.verify([(draft.text, (chunk,)) for chunk in draft.chunks])
            weak = [c for c, v in zip(draft.chunks, alone, strict=True) if v.support != "full"]
            for chunk in weak:
                rest = tuple(other for other in draft.chunks if other.id != chunk.id)
                if not rest:
                    break
                [without] = self.verifier.verify([(draft.text, rest)])
                if without.support == "full":
                    draft, verdict = replace(draft, chunks=rest), without
                    self.note(where, "reattribute", draft.text, draft.text, f"{chunk.id} is not needed")
        return self._sentence(draft, verdict)

    def _sentence(self, draft: Draft, verdict: Verdict) -> Sentence:
        known = tuple(_quote(note) for note in draft.notes) if draft.provenance else ()
        return Sentence(
            text=draft.text,
            citations=tuple(chunk.id for chunk in draft.chunks),
            support="full",
            score=verdict.score,
            quotes=known or self.verifier.quotes(draft.text, draft.chunks),
        )


def same(text: str) -> str:
    """``text`` as it is compared with another: case, spaces and punctuation do not tell two sentences apart."""
    return re.sub(r"\W+", " ", text.casefold()).strip()


def quoted(note: EvidenceSentence) -> Sentence:
    """A note as a sentence of the brief: it is its own quote."""
    return Sentence(text=note.text, citations=(note.chunk.id,), support="full", score=1.0, quotes=(_quote(note),))


def _is_quote(draft: Draft) -> bool:
    return len(draft.notes) == 1 and draft.text == draft.notes[0].text


def _quote(note: EvidenceSentence) -> Quote:
    return Quote(chunk_id=note.chunk.id, start=note.start, end=note.end, text=note.chunk.text[note.start : note.end])


def _overlap(a: Sentence, b: Sentence) -> bool:
    """Whether ``a`` and ``b`` rest on the same words of a passage."""
    return any(x.chunk_id == y.chunk_id and x.start < y.end and y.start < x.end for x in a.quotes for y in b.quotes)
