"""What becomes of a draft: accepted, or refused with a fault."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag.types import Repair, RepairAction, Sentence
from rag.writing.drafts import Draft, RefusedDraft


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

    def accept(self, sentence: Sentence) -> None:
        """Print ``sentence`` for the draft, after those that were accepted before."""
        self.passed = True
        self.sentences.append(sentence)

    def record(self, action: RepairAction, after: str, why: str, *, before: str | None = None) -> None:
        """Add a repair of the draft, or of the words ``before``."""
        before = self.draft.text if before is None else before
        self.repairs.append(Repair(where=self.where, action=action, before=before, after=after, why=why))
