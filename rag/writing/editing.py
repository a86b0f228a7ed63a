"""Correct a brief that its model has read as a whole; a correction is printed only if the verifier bears it out.

A brief is written before what a reader would ask next is searched for, and before it is known which sentences are
refused. So faults are left that only a reader of the finished brief sees: a statement that a later passage takes back,
a name that nothing introduces any more, an outcome that is not told. The model reads the brief once more beside the
passages that it cites and names what it corrects, as in Self-Refine (Madaan et al., NeurIPS 2023); here a sentence that
was verified stays as it is unless its correction is verified too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.types import RepairAction, Sentence
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.outcome import Outcome
from rag.writing.repair import RepairPolicy
from rag.writing.repetition import repeated_in
from rag.writing.replacement import StandingSentences, comparison_key, nearest_evidence

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
    """The ``sentences`` of each part after its corrections.

    Of the entries ``failed`` nothing is printed, or not what was to be told in their place or behind them.
    """

    sentences: list[list[Sentence]]
    failed: frozenset[int]


def edited_parts(parts: Sequence[PartToEdit], edits: Sequence[Edit], policy: RepairPolicy) -> EditedParts:
    """Apply those of ``edits`` to ``parts`` that ``policy`` accepts, and log them.

    A verified sentence is replaced if all of its replacement is supported, or all of its fallback; a refused one by
    what is supported of them. A refused one without that is dropped, or quoted where its section would have fewer than
    :data:`MIN_SENTENCES`. What repeats another sentence is left out. A verified sentence is not dropped where what was
    to tell it instead is not accepted, and one that is added elsewhere word for word is moved.
    """
    entries = [entry for part in parts for entry in part.entries]
    where = [part.where for part in parts for _ in part.entries]
    by_entry = _by_entry(_judged([*_of_whole_sides(parts, edits)], entries, where, policy), entries)
    changes: list[list[_Change]] = []
    for part in parts:
        first = sum(map(len, changes))
        own = [_change(entry, by_entry[at]) for at, entry in enumerate(part.entries, first)]
        changes.append(_with_required(own) if part.required else own)
    texts = [each.entry.text for own in changes for each in own if each.stays and isinstance(each.entry, Sentence)]
    printed = [
        [_printed(part.where, each, texts, policy) for each in own] for part, own in zip(parts, changes, strict=True)
    ]
    results = zip((each for own in changes for each in own), (each for own in printed for each in own), strict=True)
    failed = frozenset(at for at, (change, sentences) in enumerate(results) if change.failed or not sentences)
    standing = StandingSentences.of(sentence for own in printed for each in own for sentence in each)
    for part, own, sentences in zip(parts, changes, printed, strict=True):
        _settle_refused(part, own, sentences, standing, policy)
    return EditedParts(sentences=[[sentence for each in own for sentence in each] for own in printed], failed=failed)


def _of_whole_sides(parts: Sequence[PartToEdit], edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield ``edits`` without those that leave no pair of single sentences of the sides of a disagreement."""
    at = 0
    sides: dict[int, str] = {}
    for part in parts:
        sides |= dict.fromkeys(range(at, at + len(part.entries)), part.name) if part.kind == "side" else {}
        at += len(part.entries)
    actions = Counter((edit.entry, edit.action) for edit in edits)
    for edit in edits:
        if edit.entry not in sides:
            yield edit
        elif edit.action == "drop":
            pair = (entry for entry, name in sides.items() if name == sides[edit.entry])
            if all(actions[entry, "drop"] for entry in pair):
                yield edit
        elif edit.action != "add" and actions[edit.entry, edit.action] == len(edit.drafts) == 1:
            yield edit


def _judged(
    edits: Sequence[Edit], entries: Sequence[SentenceToEdit], where: Sequence[str], policy: RepairPolicy
) -> list[_JudgedEdit]:
    """Judge ``edits``; what is added word for word is a verified sentence already."""
    verified = {comparison_key(entry.text): entry for entry in entries if isinstance(entry, Sentence)}
    moved = {
        at: verified[key]
        for at, edit in enumerate(edits)
        if edit.action == "add" and len(edit.drafts) == 1 and (key := comparison_key(edit.drafts[0].text)) in verified
    }
    rest = [edit for at, edit in enumerate(edits) if at not in moved]
    outcomes = iter(policy.judged([(where[edit.entry], edit.drafts) for edit in rest]))
    judged = []
    for at, edit in enumerate(edits):
        if at in moved:
            outcome = Outcome(draft=edit.drafts[0], where=where[edit.entry])
            outcome.accept(moved[at])
            judged.append(_JudgedEdit(edit=edit, outcomes=[outcome]))
        else:
            judged.append(_JudgedEdit(edit=edit, outcomes=next(outcomes)))
    return judged


def _by_entry(judged: Sequence[_JudgedEdit], entries: Sequence[SentenceToEdit]) -> Mapping[int, list[_JudgedEdit]]:
    """Return ``judged`` by entry, without drops of verified sentences that a correction which failed was to tell."""
    lost = [
        (each.edit.entry, set(draft.citations))
        for each in judged
        if each.edit.action in ("replace", "add") and not each.passed
        for draft in each.edit.drafts
    ]
    by_entry: defaultdict[int, list[_JudgedEdit]] = defaultdict(list)
    for each in judged:
        at, entry = each.edit.entry, entries[each.edit.entry]
        told = isinstance(entry, Sentence) and any(of != at and cited >= set(entry.citations) for of, cited in lost)
        if each.edit.action != "drop" or not told:
            by_entry[at].append(each)
    return by_entry


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

    @property
    def failed(self) -> bool:
        """Whether something was to be told in its place or behind it, and is not."""
        used = [*self.replacing, *self.added]
        wanted = any(each.edit.action in ("replace", "add") for each in self.edits)
        return wanted and not (used and all(each.passed for each in used))


def _change(entry: SentenceToEdit, edits: Sequence[_JudgedEdit]) -> _Change:
    replacing, fallbacks, added, drops = (
        [each for each in edits if each.edit.action == action] for action in ("replace", "fallback", "add", "drop")
    )
    if not replacing and added:
        chosen: Sequence[_JudgedEdit] = []
        added = [*_with_fallbacks(added, fallbacks)]
    else:
        chosen = _with_fallbacks(replacing, fallbacks)
    if isinstance(entry, Sentence) and not (replacing and all(each.passed for each in chosen)):
        chosen = fallbacks if replacing and all(each.passed for each in fallbacks) else []
    why = next((each.edit.why or "dropped" for each in drops), "") if not chosen else ""
    stays = isinstance(entry, Sentence) and not chosen and not why
    return _Change(entry=entry, edits=edits, stays=stays, replacing=chosen, added=added, dropped=why)


def _with_fallbacks(edits: Sequence[_JudgedEdit], fallbacks: Sequence[_JudgedEdit]) -> Sequence[_JudgedEdit]:
    """Return ``edits`` with ``fallbacks`` for those that failed.

    Each half of a divided sentence mostly has its own fallback, in the same order.
    """
    if len(fallbacks) == len(edits):
        return [each if each.passed else fallback for each, fallback in zip(edits, fallbacks, strict=True)]
    return edits if edits and all(each.passed for each in edits) else [*edits, *fallbacks]


def _with_required(changes: Sequence[_Change]) -> list[_Change]:
    """Return the ``changes`` of a part that keeps a sentence: if all would go, the first one stays."""
    left = [each for each in changes if each.stays or any(edit.passed for edit in (*each.replacing, *each.added))]
    first = next((each for each in changes if isinstance(each.entry, Sentence)), None)
    return [replace(each, stays=True, dropped="") if not left and each is first else each for each in changes]


def _printed(where: str, change: _Change, texts: list[str], policy: RepairPolicy) -> list[Sentence]:
    """Return what is printed of an entry, and log how it changed.

    A verified sentence stays if all of its replacement repeats other sentences.

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
    replaced = _record_unrepeated(where, change.replacing, texts, policy, "rewrite", before)
    if change.replacing and not replaced and isinstance(change.entry, Sentence):
        texts.append(change.entry.text)
        replaced = [change.entry]
    return [*sentences, *replaced, *_record_unrepeated(where, change.added, texts, policy, "add", "")]


def _record_unrepeated(
    where: str,
    edits: Sequence[_JudgedEdit],
    texts: list[str],
    policy: RepairPolicy,
    action: RepairAction,
    before: str,
) -> list[Sentence]:
    """Return the sentences of ``edits`` that none of ``texts`` says, and log each as ``action`` of ``before``."""
    sentences = []
    for outcome, why in ((outcome, each.edit.why) for each in edits for outcome in each.outcomes):
        for sentence in outcome.sentences:
            if repeated := repeated_in(sentence.text, texts):
                policy.record(where, "drop", sentence.text, "", f"another sentence says it: {repeated}")
                continue
            policy.log += tuple(outcome.repairs)
            policy.record(where, action, before, sentence.text, why)
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
