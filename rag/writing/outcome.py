"""What becomes of a draft: accepted, revised, or refused with a fault."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag.types import Repair, RepairAction, Sentence
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.replacement import comparison_key


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What becomes of a draft: the sentences that are printed for it, and the repairs that led to them."""

    draft: Draft
    where: str
    fault: str = ""
    passed: bool = False
    sentences: list[Sentence] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)

    @property
    def refused(self) -> RefusedDraft:
        """The draft with its fault, for the writer."""
        return RefusedDraft(draft=self.draft, fault=self.fault)

    def admits(self, revised: Draft) -> bool:
        """Whether ``revised`` can take the place of the draft: it has no fault and is not the same again.

        A draft with a fault of its own was not judged, so that the same words may stand.
        """
        return not revised.fault and (self.draft.fault is not None or not _same(revised, self.draft))

    def accept(self, sentence: Sentence) -> None:
        """Print ``sentence`` for the draft, after those that were accepted before."""
        self.passed = True
        self.sentences.append(sentence)

    def record(self, action: RepairAction, after: str, why: str, *, before: str | None = None) -> None:
        """Add a repair of the draft, or of the words ``before``."""
        before = self.draft.text if before is None else before
        self.repairs.append(Repair(where=self.where, action=action, before=before, after=after, why=why))


def _same(a: Draft, b: Draft) -> bool:
    """Whether two drafts have the same words and cite the same chunks."""
    return comparison_key(a.text) == comparison_key(b.text) and set(a.chunks) == set(b.chunks)
