"""Compose a brief with a large model: it chooses what to read, writes the brief, and then corrects it.

::

    quotes → choice → search → brief → verified → search → corrections → verified

The model sees many passages in short and chooses those that it reads in full. It outlines the brief in the reply that
it writes it in. The editor reads all of it beside the passages that it cites and those that its searches found, and
corrects what was refused and what a reader would object to.

A brief written without the choice, from the best passages, of which those of low rank were shortened, took half the
tokens; of eight pairs judges who did not know which was which preferred one of these.

The quotes of the evidence are a verified brief before the first call, and what of the model's brief is verified after
that: an interruption returns what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from rag.errors import Interrupted, ModelError, ReplyError
from rag.progress import OnProgress, Step
from rag.retrieval import as_neighbours
from rag.types import HEADING_REPAIR, UNUSABLE_REPLY, Brief, Chunk, Disagreement, Hit, Repair, Section, Sentence, Trace
from rag.verify import Verifier
from rag.writing.brief_parts import brief_of_parts
from rag.writing.compose import insufficient_brief, quoted_brief
from rag.writing.drafts import CLOSING_PARTS, ClosingPart, DraftDisagreement
from rag.writing.editing import PartToEdit, SentenceToEdit, edited_parts
from rag.writing.further_search import FurtherSearch
from rag.writing.large_schemas import MAX_READ
from rag.writing.large_writer import LargeWriter
from rag.writing.outcome import Outcome
from rag.writing.outline import Outline
from rag.writing.repair import RepairPolicy, replacement_repair
from rag.writing.repetition import repeated_in
from rag.writing.replacement import StandingSentences

PARTS = ("choice of passages", "brief", "corrections")
"""What is written one after another."""


def compose_with_large_model(
    question: str,
    hits: Sequence[Hit],
    outline: Outline,
    writer: LargeWriter,
    verifier: Verifier,
    *,
    sections: int,
    trace: Trace,
    search: FurtherSearch,
    gaps: Sequence[str] = (),
    on_progress: OnProgress = lambda _: None,
) -> Brief:
    """Return the brief that ``writer`` makes of its evidence; each of its sentences is verified.

    Args:
        question: the question.
        hits: all hits; the writer's evidence is among them.
        outline: the outline of evidence sentences, whose quotes are the first draft, and the brief if the model's is
            unusable.
        writer: the writer.
        verifier: the verifier.
        sections: the largest number of sections.
        trace: the trace without repairs.
        search: finds what the passages chosen for the brief lack, then what the brief lacks.
        gaps: what is known to be missing before the model is asked.
        on_progress: called with each verified draft.

    Raises:
        Interrupted: the model was lost or the user stopped it; carries the brief so far.
    """
    draft = quoted_brief(question, hits, outline, trace, gaps)
    composition = _LargeComposition(
        brief=draft,
        draft=draft,
        writer=writer,
        policy=RepairPolicy(verifier=verifier, evidence=writer.evidence),
        search=search,
        on_progress=on_progress,
    )
    try:
        composition.select()
        composition.write(sections)
        composition.edit()
    except (ModelError, KeyboardInterrupt) as error:
        why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
        part = composition.current_part
        raise Interrupted(f"while writing {part!r}: {why}", draft=composition.brief_so_far(), doing=part) from error
    return composition.brief_so_far()


@dataclass(slots=True, kw_only=True)
class _LargeComposition:
    """A brief that is being written: ``brief`` is verified at any moment, ``current_part`` is written next.

    ``draft`` is the brief of quotes that it begins with. ``headings`` are those of the sections that the model wrote,
    ``outcomes`` those of their drafts, then of the sides of the ``disagreements``, ``closing`` those of summary and
    conclusion. ``chosen`` is what it was written from, ``searches`` are the queries for more, ``found`` is what was
    searched for after it. While refused ones may still be corrected, ``repairs_as_printed`` are the repairs of the
    brief as it stands.
    """

    brief: Brief
    draft: Brief
    writer: LargeWriter
    policy: RepairPolicy
    search: FurtherSearch
    on_progress: OnProgress
    chosen: tuple[Chunk, ...] = ()
    searches: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    disagreements: tuple[DraftDisagreement, ...] = ()
    outcomes: list[list[Outcome]] = field(default_factory=list)
    closing: dict[ClosingPart, list[Outcome]] = field(default_factory=dict)
    found: tuple[Chunk, ...] = ()
    repairs_as_printed: tuple[Repair, ...] = ()
    current_part: str = PARTS[0]

    def select(self) -> None:
        """Have the passages chosen that the brief is written from, and search for what they lack.

        Without a usable reply, and where no passage is chosen, the best ones are read.
        """
        self._report(self.brief)
        chosen: Sequence[Chunk] = ()
        try:
            chosen, self.searches = self.writer.select(self.brief.gaps)
        except ReplyError as error:
            self._add_notice(f"The model did not choose what the brief is written from: {error}")
        chosen = chosen or self.writer.evidence[:MAX_READ]
        self.chosen = (*chosen, *self._find((), self.searches, chosen, self.writer.passages_to_write(chosen)))

    def write(self, sections: int) -> None:
        """Have the brief written, and verify all of it; without one the quotes stay.

        What passes stands from then on, and evidence in place of what does not, until that is corrected. If the
        evidence has no answer, the brief says so.
        """
        self.current_part = "brief"
        self._report(self.brief)
        read = self.writer.passages_to_write(self.chosen)
        self._add_read(read)
        try:
            draft = self.writer.brief(self.chosen, self.brief.gaps, sections, self.searches)
        except ReplyError as error:
            self.policy.record(self.current_part, "quote", "", "", f"{UNUSABLE_REPLY}: {error}")
            return
        if not draft.sections:
            why = draft.gaps or ("No passage that was found answers the question.",)
            self.brief = insufficient_brief(self.brief.question, self.brief.evidence, self.brief.trace, why)
            return
        for fault in draft.faults:
            self.policy.record(HEADING_REPAIR, "quote", "", "", fault)
        self.headings = tuple(each.heading for each in draft.sections)
        self.disagreements = draft.disagreements
        sides = [(f"disagreement: {each.about}", [side]) for each in draft.disagreements for side in each.sides]
        judged = self.policy.judged_brief(
            [*((each.heading, each.drafts) for each in draft.sections), *sides],
            [(part, draft.closing[part]) for part in CLOSING_PARTS],
        )
        *self.outcomes, summary, conclusion = judged
        self.closing = {"summary": summary, "conclusion": conclusion}
        self.brief = replace(self.brief, gaps=draft.gaps)
        self.repairs_as_printed = self._print_written()
        drafts = [each for section in draft.sections for each in section.drafts]
        drafts += [each for own in draft.closing.values() for each in own]
        cited = list({chunk.id: chunk for each in drafts for chunk in each.chunks}.values())
        self.found = self._find(draft.gap_searches, draft.searches, cited, read)

    def _find(
        self, gaps: Sequence[str], searches: Sequence[str], at_hand: Sequence[Chunk], known: Sequence[Chunk]
    ) -> tuple[Chunk, ...]:
        """Return what is found for ``gaps`` and ``searches`` and beside passages ``at_hand``, without ``known`` ones.

        It becomes evidence of the brief and of the writer.
        """
        hits = self.search.find(gaps, searches, at_hand, {chunk.id for chunk in known})
        found = tuple(hit.chunk for hit in hits)
        self.writer = self.writer.with_found(found, self.search.companions(found))
        in_brief = {hit.chunk.id for hit in self.brief.evidence}
        new = [hit for hit in hits if hit.chunk.id not in in_brief]
        ranked = [replace(hit, rank=rank) for rank, hit in enumerate(new, len(in_brief) + 1)]
        self.brief = replace(self.brief, evidence=(*self.brief.evidence, *ranked))
        return found

    def _add_read(self, read: Sequence[Chunk]) -> None:
        """Make evidence of passages that the writer is about to read beside the hits."""
        self.brief = replace(self.brief, evidence=(*self.brief.evidence, *as_neighbours(read, self.brief.evidence)))
        self.policy.evidence = list({chunk.id: chunk for chunk in (*self.policy.evidence, *read)}.values())

    def _print_written(self) -> tuple[Repair, ...]:
        """Put what stands of the model's brief into the brief, and return the repairs that led to it.

        Without a section the quotes stay; without a sentence of the summary, quotes that no section has.
        """
        verified, repairs = self.policy.settled(self.outcomes)
        own = {part: [each for one in outcomes for each in one.sentences] for part, outcomes in self.closing.items()}
        for outcome in (outcome for outcomes in self.closing.values() for outcome in outcomes):
            repairs += tuple(outcome.repairs) if outcome.passed else (replacement_repair(outcome, []),)
        sections = [
            Section(heading=heading, sentences=tuple(sentences))
            for heading, sentences in zip(self.headings, verified, strict=False)
            if sentences
        ]
        if not sections:
            self._add_notice("No sentence of the model's sections could be verified: the sections are quotations.")
            return repairs
        sides = verified[len(self.headings) :]
        body = [sentence for section in sections for sentence in section.sentences]
        self.brief = replace(
            self.brief,
            summary=tuple(own["summary"] or _without_repetitions(self.draft.summary, body) or body[:1]),
            sections=tuple(sections),
            conclusion=tuple(own["conclusion"]),
            disagreements=tuple(
                Disagreement(about=each.about, sides=(one[0], other[0]))
                for each, one, other in zip(self.disagreements, sides[::2], sides[1::2], strict=True)
                if len(one) == len(other) == 1
            ),
        )
        return repairs

    def edit(self) -> None:
        """Have the whole brief read beside its passages and corrected; what is not borne out stays as it was.

        Without a usable reply the brief stays as it is, and says so. What the model did not write is not read.
        """
        if not self.outcomes:
            return
        self.current_part = "corrections"
        self._report(self.brief)
        parts = self._parts_to_edit()
        cited = {chunk.id: chunk for chunk in self.brief.cited()}
        self.writer = self.writer.with_found(list(cited.values()), {})  # quotations may cite what the writer has not
        entries = [entry for part in parts for entry in part.entries]
        self._add_read([*self.writer.passages_to_edit(entries, self.found).values()])
        try:
            corrections = self.writer.edit(parts, self.brief.gaps, self.found)
        except ReplyError as error:
            self._add_notice(f"The model did not read the finished brief once more: {error}")
            return
        edited = edited_parts(parts, corrections.edits, self.policy)
        outcomes = (outcome for own in (*self.outcomes, *self.closing.values()) for outcome in own)
        self.policy.log = (*(repair for outcome in outcomes for repair in outcome.repairs), *self.policy.log)
        self.repairs_as_printed = ()
        self.brief = brief_of_parts(self.brief, parts, edited, corrections)

    def _parts_to_edit(self) -> list[PartToEdit]:
        """Return the summary, the sections, the disagreements and the conclusion, with what was refused of them."""
        standing = StandingSentences()
        sections = [
            PartToEdit(kind="section", name=heading, entries=_entries_of_outcomes(own, standing))
            for heading, own in zip(self.headings, self.outcomes, strict=False)
        ]
        sides = [
            PartToEdit(kind="side", name=each.about, entries=_entries_of_outcomes(side, standing))
            for each, *pair in self._disagreement_outcomes()
            for side in pair
        ]
        closing: dict[ClosingPart, tuple[SentenceToEdit, ...]] = {
            "summary": self.brief.summary,
            "conclusion": self.brief.conclusion,
            **{part: entries for part, own in self.closing.items() if (entries := _entries_of_outcomes(own, standing))},
        }
        first = next((each for each in sections if any(isinstance(entry, Sentence) for entry in each.entries)), None)
        sections = [replace(each, required=each is first) for each in sections]
        summary = PartToEdit(kind="summary", entries=closing["summary"], required=True)
        return [summary, *sections, *sides, PartToEdit(kind="conclusion", entries=closing["conclusion"])]

    def _disagreement_outcomes(self) -> list[tuple[DraftDisagreement, list[Outcome], list[Outcome]]]:
        """Return the disagreements of the draft, each with what became of its two sides."""
        sides = self.outcomes[len(self.headings) :]
        return list(zip(self.disagreements, sides[::2], sides[1::2], strict=True))

    def brief_so_far(self) -> Brief:
        """Return the brief with the log of its repairs."""
        repairs = (*self.policy.log, *self.repairs_as_printed)
        return replace(self.brief, trace=replace(self.brief.trace, repairs=repairs))

    def _add_notice(self, notice: str) -> None:
        trace = replace(self.brief.trace, notices=(*self.brief.trace.notices, notice))
        self.brief = replace(self.brief, trace=trace)

    def _report(self, brief: Brief) -> None:
        done = PARTS.index(self.current_part)
        self.on_progress(Step(stage="write", message=self.current_part, done=done, total=len(PARTS), brief=brief))


def _entries_of_outcomes(outcomes: Iterable[Outcome], standing: StandingSentences) -> tuple[SentenceToEdit, ...]:
    """Return the sentences that passed and were not ``standing``, and what was refused with its fault."""
    entries: list[SentenceToEdit] = []
    for outcome in outcomes:
        passed = [each for each in outcome.sentences if standing.add(each) or outcome.draft.is_side]
        entries += passed if outcome.passed else [outcome.refused]
    return tuple(entries)


def _without_repetitions(sentences: Iterable[Sentence], others: Sequence[Sentence]) -> list[Sentence]:
    texts = [other.text for other in others]
    return [sentence for sentence in sentences if not repeated_in(sentence.text, texts)]
