"""Correct a brief that its model has read as a whole; a correction is printed only if the verifier bears it out.

Sections are written without each other, and summary and conclusion without the passages, so that faults are left that
only a reader of all of it sees: a statement that a later passage takes back, a name that nothing introduces, an outcome
that is not told. The model reads the brief once more beside its passages and names what it corrects, as in Self-Refine
(Madaan et al., NeurIPS 2023); here a sentence that was verified stays as it is unless its correction is verified too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.types import RepairAction, Sentence
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.outcome import Outcome
from rag.writing.repair import RepairPolicy, marked_if_repeated
from rag.writing.repetition import repeated_in
from rag.writing.replacement import StandingSentences, nearest_evidence

MIN_SENTENCES = 2
"""A part with fewer sentences gets a quotation in place of a refused one that was not corrected."""

EditAction = Literal["replace", "fallback", "drop", "add"]
"""What a correction does with its sentence. What is added stands behind it; a fallback stands in for a replacement that
did not pass."""

SentenceToEdit = Sentence | RefusedDraft
"""A sentence of a brief as its editor reads it: one that is printed, or one that was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartToEdit:
    """A part of a brief: the summary, a section, the two sides of a disagreement, or the conclusion.

    ``required`` is set where at least one sentence has to stay.
    """

    name: str
    entries: tuple[SentenceToEdit, ...]
    is_section: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A correction of the sentence at the position ``entry`` of all parts; ``drafts`` is empty if it goes."""

    entry: int
    action: EditAction
    drafts: tuple[Draft, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftEdits:
    """The corrections of a brief as a writer returns them.

    ``headings`` are new ones by the position of their part. ``closed_gaps`` has for each gap that a sentence of the
    brief answers what is left of it, "" if nothing is; ``open_gaps`` are further ones.
    """

    edits: tuple[Edit, ...]
    headings: Mapping[int, str] = field(default_factory=dict)
    closed_gaps: Mapping[str, str] = field(default_factory=dict)
    open_gaps: tuple[str, ...] = ()


def edited_parts(parts: Sequence[PartToEdit], edits: Sequence[Edit], policy: RepairPolicy) -> list[list[Sentence]]:
    """Return the sentences of each of ``parts`` after those of ``edits`` that ``policy`` accepts, which logs them.

    A verified sentence is replaced if all of its replacement is supported, a refused one by what is supported of it, or
    of its fallback. A refused one without that is dropped, or quoted where its section would have fewer than
    :data:`MIN_SENTENCES`.
    """
    names = [part.name for part in parts for _ in part.entries]
    entries = [entry for part in parts for entry in part.entries]
    edits = _without_repeats(entries, edits)
    judged = policy.judged([(names[edit.entry], edit.drafts) for edit in edits])
    by_entry: defaultdict[int, list[_JudgedEdit]] = defaultdict(list)
    for edit, outcomes in zip(edits, judged, strict=True):
        by_entry[edit.entry].append(_JudgedEdit(edit=edit, outcomes=outcomes))
    standing = StandingSentences.of(entry for entry in entries if isinstance(entry, Sentence))
    edited = []
    first = 0
    for part in parts:
        own = [by_entry[first + at] for at in range(len(part.entries))]
        edited.append(_edited_part(part, own, standing, policy))
        first += len(part.entries)
    return edited


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgedEdit:
    edit: Edit
    outcomes: Sequence[Outcome]

    @property
    def sentences(self) -> list[Sentence]:
        return [sentence for outcome in self.outcomes for sentence in outcome.sentences]

    @property
    def passed(self) -> bool:
        return bool(self.outcomes) and all(outcome.passed for outcome in self.outcomes)

    def printed(self, where: str, action: RepairAction, before: str, policy: RepairPolicy) -> list[Sentence]:
        """Return what passed, after logging it as a repair of ``before``."""
        for outcome in self.outcomes:
            policy.log += tuple(outcome.repairs)
        for sentence in self.sentences:
            policy.record(where, action, before, sentence.text, self.edit.why)
        return self.sentences


def _without_repeats(entries: Sequence[SentenceToEdit], edits: Sequence[Edit]) -> list[Edit]:
    """Return ``edits`` with a fault in each draft that repeats a sentence that stays, or a draft before it.

    A fallback may have the words of the replacement that it stands in for.
    """
    going = {edit.entry for edit in edits if edit.action != "add"}
    texts = [entry.text for at, entry in enumerate(entries) if isinstance(entry, Sentence) and at not in going]
    marked = []
    others = list(texts)
    for edit in edits:
        drafts = []
        for draft in edit.drafts:
            drafts.append(marked_if_repeated(draft, others if edit.action == "fallback" else texts))
            texts.append(draft.text)
        marked.append(replace(edit, drafts=tuple(drafts)))
    return marked


def _edited_part(
    part: PartToEdit, edits: Sequence[Sequence[_JudgedEdit]], standing: StandingSentences, policy: RepairPolicy
) -> list[Sentence]:
    """Return the sentences of ``part`` after ``edits``, those of each entry; a required part keeps a sentence."""
    stands = [_replacement(part.name, entry, own, policy) for entry, own in zip(part.entries, edits, strict=True)]
    for entry, own, sentences in zip(part.entries, edits, stands, strict=True):
        for each in own:
            if each.edit.action == "add":
                sentences.extend(each.printed(part.name, "add", "", policy))
        drops = [each.edit for each in own if each.edit.action == "drop"]
        if drops and isinstance(entry, Sentence) and sentences[:1] == [entry] and _may_go(part, stands):
            del sentences[0]
            policy.record(part.name, "drop", entry.text, "", drops[0].why)
    for entry, own, sentences in zip(part.entries, edits, stands, strict=True):
        if isinstance(entry, RefusedDraft) and not sentences:
            if part.is_section and sum(map(len, stands)) < MIN_SENTENCES:
                near = (each.as_sentence() for each in nearest_evidence(entry.draft, standing))
                sentences.extend(sentence for sentence in near if standing.add(sentence))
            after = " ".join(sentence.text for sentence in sentences)
            tried = [outcome for each in own for outcome in each.outcomes if not outcome.passed]
            faults = [entry.fault, *(f"corrected as “{outcome.draft.text}”: {outcome.fault}" for outcome in tried)]
            policy.record(part.name, "quote" if after else "drop", entry.draft.text, after, "; ".join(faults))
    return [sentence for sentences in stands for sentence in sentences]


def _may_go(part: PartToEdit, stands: Sequence[Sequence[Sentence]]) -> bool:
    return not part.required or sum(map(len, stands)) > 1


def _replacement(
    where: str, entry: SentenceToEdit, edits: Sequence[_JudgedEdit], policy: RepairPolicy
) -> list[Sentence]:
    """Return what stands in the place of ``entry`` before anything is dropped or added."""
    replacing = [each for each in edits if each.edit.action == "replace"]
    all_passed = bool(replacing) and all(each.passed for each in replacing)
    fallbacks = [each for each in edits if each.edit.action == "fallback"]
    if isinstance(entry, Sentence) and not all_passed:
        if not (replacing and fallbacks and all(each.passed for each in fallbacks)):
            return [entry]
        replacing, fallbacks = fallbacks, []
    before = entry.text if isinstance(entry, Sentence) else entry.draft.text
    printed = [sentence for each in replacing for sentence in each.printed(where, "rewrite", before, policy)]
    if isinstance(entry, RefusedDraft) and not all_passed:
        texts = [sentence.text for sentence in printed]
        for each in fallbacks:
            if not any(repeated_in(sentence.text, texts) for sentence in each.sentences):
                printed += each.printed(where, "rewrite", before, policy)
    return printed
