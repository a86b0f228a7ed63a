"""Correct a brief that its model has read as a whole; a correction is printed only if the verifier bears it out.

A brief is written before what a reader would ask next is searched for, and before it is known which sentences are
refused. So faults are left that only a reader of the finished brief sees: a statement that a later passage takes back,
a name that nothing introduces any more, an outcome that is not told. The model reads the brief once more beside the
passages that it cites and names what it corrects, as in Self-Refine (Madaan et al., NeurIPS 2023); here a sentence that
was verified stays as it is unless its correction is verified too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.types import RepairAction, Sentence
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.outcome import Outcome
from rag.writing.repair import RepairPolicy
from rag.writing.repetition import repeated_in
from rag.writing.replacement import StandingSentences, nearest_evidence

MIN_SENTENCES = 2
"""A section with fewer sentences gets a quotation in place of a refused one that was not corrected."""

PartKind = Literal["summary", "section", "side", "conclusion"]
"""The kinds of parts that a brief has. A side is that of a disagreement."""

EditAction = Literal["replace", "fallback", "drop", "add"]
"""What a correction does with its sentence. What is added stands behind it; a fallback stands in for a replacement, or
for what was to be added, that did not pass."""

SentenceToEdit = Sentence | RefusedDraft
"""A sentence of a brief as its editor reads it: one that is printed, or one that was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartToEdit:
    """A part of a brief.

    ``name`` is the heading of a section, and for a side what the disagreement is about. ``required`` is set where at
    least one sentence has to stay.
    """

    kind: PartKind
    entries: tuple[SentenceToEdit, ...]
    name: str = ""
    required: bool = False

    @property
    def is_section(self) -> bool:
        """Whether the part has a heading."""
        return self.kind == "section"

    @property
    def where(self) -> str:
        """The name of the part in the log."""
        return {"section": self.name, "side": f"disagreement: {self.name}"}.get(self.kind, self.kind)


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
    brief answers the entry of that sentence, and what is left of the gap, "" if nothing is; ``open_gaps`` are further
    ones.
    """

    edits: tuple[Edit, ...]
    headings: Mapping[int, str] = field(default_factory=dict)
    closed_gaps: Mapping[str, tuple[int | None, str]] = field(default_factory=dict)
    open_gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedParts:
    """The ``sentences`` of each part after its corrections; of the entries ``failed`` one was not accepted."""

    sentences: list[list[Sentence]]
    failed: frozenset[int]


def edited_parts(parts: Sequence[PartToEdit], edits: Sequence[Edit], policy: RepairPolicy) -> EditedParts:
    """Apply those of ``edits`` to ``parts`` that ``policy`` accepts, and log them.

    A verified sentence is replaced if all of its replacement is supported, or all of its fallback; a refused one by
    what is supported of them. A refused one without that is dropped, or quoted where its section would have fewer than
    :data:`MIN_SENTENCES`. What repeats another sentence is left out.
    """
    names = [part.where for part in parts for _ in part.entries]
    judged = policy.judged([(names[edit.entry], edit.drafts) for edit in edits])
    by_entry: defaultdict[int, list[_JudgedEdit]] = defaultdict(list)
    for edit, outcomes in zip(edits, judged, strict=True):
        by_entry[edit.entry].append(_JudgedEdit(edit=edit, outcomes=outcomes))
    changes: list[list[_Change]] = []
    for part in parts:
        first = sum(map(len, changes))
        own = [_change(entry, by_entry[at]) for at, entry in enumerate(part.entries, first)]
        changes.append(_with_required(own) if part.required else own)
    texts = [each.entry.text for own in changes for each in own if each.stays and isinstance(each.entry, Sentence)]
    printed = [
        [_printed(part.where, each, texts, policy) for each in own] for part, own in zip(parts, changes, strict=True)
    ]
    standing = StandingSentences.of(sentence for own in printed for each in own for sentence in each)
    for part, own, sentences in zip(parts, changes, printed, strict=True):
        _settle_refused(part, own, sentences, standing, policy)
    failed = (at for at, own in by_entry.items() if any(not each.passed for each in own if each.edit.drafts))
    return EditedParts(
        sentences=[[sentence for each in own for sentence in each] for own in printed], failed=frozenset(failed)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgedEdit:
    edit: Edit
    outcomes: Sequence[Outcome]

    @property
    def passed(self) -> bool:
        return bool(self.outcomes) and all(outcome.passed for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What becomes of an entry: it stays, or ``replacing`` take its place; ``dropped`` says why it goes without.

    ``edits`` are all of the entry, ``added`` those that stand behind it.
    """

    entry: SentenceToEdit
    edits: Sequence[_JudgedEdit]
    stays: bool
    replacing: Sequence[_JudgedEdit]
    added: Sequence[_JudgedEdit]
    dropped: str = ""


def _change(entry: SentenceToEdit, edits: Sequence[_JudgedEdit]) -> _Change:
    replacing, fallbacks, added, drops = (
        [each for each in edits if each.edit.action == action] for action in ("replace", "fallback", "add", "drop")
    )
    chosen = _best_replacement(replacing, fallbacks)
    if isinstance(entry, Sentence) and not (replacing and all(each.passed for each in chosen)):
        chosen = fallbacks if replacing and all(each.passed for each in fallbacks) else []
    if not replacing and not all(each.passed for each in added):
        added += fallbacks
    why = next((each.edit.why or "dropped" for each in drops), "") if not chosen else ""
    stays = isinstance(entry, Sentence) and not chosen and not why
    return _Change(entry=entry, edits=edits, stays=stays, replacing=chosen, added=added, dropped=why)


def _best_replacement(replacing: Sequence[_JudgedEdit], fallbacks: Sequence[_JudgedEdit]) -> Sequence[_JudgedEdit]:
    """Return what takes the place of a sentence: the replacements, with fallbacks for those that failed.

    Each half of a divided sentence mostly has its own fallback, in the same order.
    """
    if len(fallbacks) == len(replacing):
        return [each if each.passed else fallback for each, fallback in zip(replacing, fallbacks, strict=True)]
    return replacing if replacing and all(each.passed for each in replacing) else [*replacing, *fallbacks]


def _with_required(changes: Sequence[_Change]) -> list[_Change]:
    """Return the ``changes`` of a part that keeps a sentence: if all would go, the first one stays."""
    left = [each for each in changes if each.stays or any(edit.passed for edit in (*each.replacing, *each.added))]
    first = next((each for each in changes if isinstance(each.entry, Sentence)), None)
    return [replace(each, stays=True, dropped="") if not left and each is first else each for each in changes]


def _printed(where: str, change: _Change, texts: list[str], policy: RepairPolicy) -> list[Sentence]:
    """Return what is printed of an entry, and log how it changed.

    Args:
        where: the name of its part.
        change: what becomes of it.
        texts: what is printed already, and all that stays; what is new is added.
        policy: keeps the log.
    """
    before = change.entry.text if isinstance(change.entry, Sentence) else change.entry.draft.text
    if change.dropped and isinstance(change.entry, Sentence):
        policy.record(where, "drop", before, "", change.dropped)
    sentences = [change.entry] if change.stays and isinstance(change.entry, Sentence) else []
    steps: list[tuple[RepairAction, str, Sequence[_JudgedEdit]]] = [
        ("rewrite", before, change.replacing),
        ("add", "", change.added),
    ]
    for action, old, edits in steps:
        for outcome, why in ((outcome, each.edit.why) for each in edits for outcome in each.outcomes):
            for sentence in outcome.sentences:
                if repeated := repeated_in(sentence.text, texts):
                    policy.record(where, "drop", sentence.text, "", f"another sentence says it: {repeated}")
                    continue
                policy.log += tuple(outcome.repairs)
                policy.record(where, action, old, sentence.text, why)
                texts.append(sentence.text)
                sentences.append(sentence)
    return sentences


def _settle_refused(
    part: PartToEdit,
    changes: Sequence[_Change],
    printed: Sequence[list[Sentence]],
    standing: StandingSentences,
    policy: RepairPolicy,
) -> None:
    """Quote or drop the refused sentences of ``part`` in whose place nothing was ``printed``."""
    for change, sentences in zip(changes, printed, strict=True):
        entry = change.entry
        replaced = {outcome.draft.text for each in change.replacing for outcome in each.outcomes if outcome.passed}
        if isinstance(entry, Sentence) or any(sentence.text in replaced for sentence in sentences):
            continue
        quotes: list[Sentence] = []
        if part.is_section and sum(map(len, printed)) < MIN_SENTENCES:
            near = (each.as_sentence() for each in nearest_evidence(entry.draft, standing))
            quotes = [sentence for sentence in near if standing.add(sentence)]
        sentences[:0] = quotes
        tried = [outcome for each in change.edits for outcome in each.outcomes if not outcome.passed]
        faults = [entry.fault, *(f"corrected as “{outcome.draft.text}”: {outcome.fault}" for outcome in tried)]
        after = " ".join(sentence.text for sentence in quotes)
        policy.record(part.where, "quote" if after else "drop", entry.draft.text, after, "; ".join(faults))
