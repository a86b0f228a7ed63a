"""Compose a brief with a large model: an outline, the brief, corrections, then a review.

::

    quotes → outline → search → choice → search → brief → search → verified → corrections → verified → review → verified

The editor reads the whole brief beside its passages, and corrects what was refused and what a reader would object to.
The reviewer reads it as it would be printed. Judges of four briefs who did not know which was which preferred three of
them with the review, and found 5.2 sentences that they would have to change instead of 6.2.

The quotes of the evidence are a verified brief before the first call, the quotes of the model's outline after it, and
what of the model's brief is verified after that: an interruption returns what is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rag.errors import Interrupted, ModelError, ReplyError
from rag.progress import OnProgress, Step
from rag.retrieval import as_neighbours
from rag.types import HEADING_REPAIR, UNUSABLE_REPLY, Brief, Chunk, Disagreement, Hit, Repair, Section, Sentence, Trace
from rag.verify import Verifier
from rag.writing.brief_parts import brief_of_parts, printed_parts
from rag.writing.compose import insufficient_brief, quoted_brief
from rag.writing.drafts import CLOSING_PARTS, ClosingPart, Draft
from rag.writing.editing import PartToEdit, SentenceToEdit, edited_parts
from rag.writing.evidence import EvidenceSentence
from rag.writing.further_search import FurtherSearch
from rag.writing.large_writer import LargeWriter
from rag.writing.outcome import Outcome
from rag.writing.outline import Outline
from rag.writing.repair import RepairPolicy, replacement_repair
from rag.writing.repetition import repeated_in
from rag.writing.replacement import StandingSentences, nearest_evidence
from rag.writing.thematic_outline import DraftDisagreement, ThematicOutline, Theme, outline_without_model

PARTS = ("outline", "brief", "corrections", "review")
"""What is written one after another."""

FOUND_PER_SEARCH = 3
"""Passages that a search of the model adds, where it does not choose among them."""


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
        outline: the outline of evidence sentences, whose quotes are the first draft. It takes the place of the
            model's if that is unusable.
        writer: the writer.
        verifier: the verifier.
        sections: the largest number of sections.
        trace: the trace without repairs.
        search: finds what the model's outline lacks.
        gaps: what is known to be missing before the model is asked.
        on_progress: called with each verified draft.

    Raises:
        Interrupted: the model was lost or the user stopped it; carries the brief so far.
    """
    draft = quoted_brief(question, hits, outline, trace, gaps)
    composition = _LargeComposition(
        brief=draft,
        draft=draft,
        first_outline=outline,
        writer=writer,
        policy=RepairPolicy(verifier=verifier, evidence=writer.evidence),
        search=search,
        on_progress=on_progress,
    )
    try:
        composition.make_outline(sections)
        if composition.outline.themes:
            composition.write(sections)
            composition.edit()
            composition.review()
    except (ModelError, KeyboardInterrupt) as error:
        why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
        part = composition.current_part
        raise Interrupted(f"while writing {part!r}: {why}", draft=composition.brief_so_far(), doing=part) from error
    return composition.brief_so_far()


@dataclass(slots=True, kw_only=True)
class _LargeComposition:
    """A brief that is being written: ``brief`` is verified at any moment, ``current_part`` is written next.

    ``draft`` is the brief of quotes that it begins with. ``headings`` are those of the sections that the model wrote,
    ``outcomes`` those of their drafts, then of the sides of the disagreements, ``closing`` those of summary and
    conclusion; ``found_last`` is what was searched for then. While refused ones may still be corrected,
    ``repairs_as_printed`` are the repairs of the brief as it stands.
    """

    brief: Brief
    draft: Brief
    first_outline: Outline
    writer: LargeWriter
    policy: RepairPolicy
    search: FurtherSearch
    on_progress: OnProgress
    outline: ThematicOutline = field(default_factory=partial(ThematicOutline, themes=()))
    headings: tuple[str, ...] = ()
    outcomes: list[list[Outcome]] = field(default_factory=list)
    closing: dict[ClosingPart, list[Outcome]] = field(default_factory=dict)
    found_last: tuple[Chunk, ...] = ()
    repairs_as_printed: tuple[Repair, ...] = ()
    is_written: bool = False
    current_part: str = PARTS[0]

    def make_outline(self, sections: int) -> None:
        """Have the outline made, and quote its evidence. If the evidence has no answer, the brief says so."""
        self._report(self.brief)
        try:
            self.outline = self.writer.outline(sections)
        except ReplyError as error:
            self.policy.record("outline", "quote", "", "", f"{UNUSABLE_REPLY}: {error}")
            self.outline = outline_without_model(self.first_outline, self.writer.evidence)
            if not self.outline.themes:
                return
        # What the answer model did not find, the model that read all passages may have.
        known = () if self.outline.complete else self.brief.gaps
        gaps = tuple(dict.fromkeys((*known, *self.outline.gaps)))
        if not self.outline.themes:
            why = gaps or ("No passage that was found answers the question.",)
            self.brief = insufficient_brief(self.brief.question, self.brief.evidence, self.brief.trace, why)
            return
        self.outline = replace(self.outline, gaps=gaps)
        for fault in self.outline.faults:
            self.policy.record(HEADING_REPAIR, "quote", "", "", fault)
        self._search_further()
        self._add_read(self.writer.passages_read(self.outline))
        themes = self.outline.themes
        quoted = [
            Section(heading=theme.heading, sentences=tuple(sentence.as_sentence() for sentence in own))
            for theme, own in zip(themes, _quotes(themes), strict=True)
            if own
        ]
        body = [sentence for section in quoted for sentence in section.sentences]
        self.brief = replace(
            self.brief,
            summary=tuple(_not_repeated(self.brief.summary, body)) or self.brief.summary,
            sections=tuple(quoted) or self.brief.sections,
            conclusion=tuple(_not_repeated(self.brief.conclusion, body)),
            gaps=gaps,
        )

    def _search_further(self) -> None:
        """Add to the outline what the model chooses of what its searches find and of what stands beside its passages.

        Without a usable reply the first hits of each search are taken, and the brief says so.
        """
        named = {chunk.id: chunk for theme in self.outline.themes for chunk in theme.passages}
        queries = list(dict.fromkeys(query for theme in self.outline.themes for query in theme.searches))
        hits, shortened = self.search.survey(queries, list(named.values()))
        offered = {hit.chunk.id: hit for hit in hits if hit.chunk.id not in named}
        self.outline = replace(self.outline, searches=tuple(queries))
        if not offered:
            return
        try:
            chosen, searches = self.writer.select(self.outline, [hit.chunk for hit in offered.values()], shortened)
            found = [offered[chunk.id] for chunk in chosen]
            seen = {*named, *offered}
        except ReplyError as error:
            self._add_notice(f"The model did not choose among what its searches found: {error}")
            found, searches, seen = [], tuple(queries), set(named)
        self._add_evidence(found)
        found += self._searched(searches, seen)
        made = tuple(dict.fromkeys((*queries, *searches)))
        self.outline = replace(self.outline, found=tuple(hit.chunk for hit in found), searches=made)

    def _searched(self, queries: Iterable[str], known: Collection[str], documents: Collection[str] = ()) -> list[Hit]:
        """Return what ``queries`` find beside the ``known`` ids, in ``documents`` or in all; it becomes evidence."""
        found: dict[str, Hit] = {}
        for query in queries:
            hits = self.search.find_within(query, documents) if documents else self.search.find(query)
            new = [each for each in hits if each.chunk.id not in {*known, *found}][:FOUND_PER_SEARCH]
            found |= {hit.chunk.id: hit for hit in new}
        self._add_evidence(list(found.values()))
        return list(found.values())

    def _add_evidence(self, hits: Sequence[Hit]) -> None:
        """Add ``hits`` to the evidence of the brief, ranked after the other, and to that of the writer."""
        chunks = [hit.chunk for hit in hits]
        self.writer = self.writer.with_found(chunks, self.search.companions(chunks))
        known = {hit.chunk.id for hit in self.brief.evidence}
        new = {hit.chunk.id: hit for hit in hits if hit.chunk.id not in known}
        ranked = [replace(hit, rank=rank) for rank, hit in enumerate(new.values(), len(known) + 1)]
        self.brief = replace(self.brief, evidence=(*self.brief.evidence, *ranked))

    def _add_read(self, read: Sequence[Chunk]) -> None:
        """Make evidence of passages that the writer is about to read beside those of the outline."""
        self.brief = replace(self.brief, evidence=(*self.brief.evidence, *as_neighbours(read, self.brief.evidence)))
        self.policy.evidence = list({chunk.id: chunk for chunk in (*self.policy.evidence, *read)}.values())

    def write(self, sections: int) -> None:
        """Have the brief written, and verify all of it together with the disagreements; without one the quotes stay.

        What passes stands from then on, and evidence in place of what does not, until that is corrected.
        """
        self.current_part = "brief"
        self._report(self.brief)
        try:
            draft = self.writer.brief(self.outline, sections)
        except ReplyError as error:
            self.policy.record(self.current_part, "quote", "", "", f"{UNUSABLE_REPLY}: {error}")
            return
        for fault in draft.faults:
            self.policy.record(HEADING_REPAIR, "quote", "", "", fault)
        read = {chunk.id for chunk in self.writer.passages_of(self.outline)}
        cited = {chunk.document_id for each in draft.sections for own in each.drafts for chunk in own.chunks}
        found = self._searched(draft.gap_searches, read, cited)
        queries = dict.fromkeys((*draft.gap_searches, *draft.searches))
        found += self._searched(queries, {*read, *(hit.chunk.id for hit in found)})
        self.found_last = tuple(hit.chunk for hit in found)
        self.headings = tuple(each.heading for each in draft.sections)
        sides = [(f"disagreement: {each.about}", [side]) for each in self.outline.disagreements for side in each.sides]
        judged = self.policy.judged_brief(
            [*((each.heading, each.drafts) for each in draft.sections), *sides],
            [(part, draft.closing[part]) for part in CLOSING_PARTS],
        )
        *self.outcomes, summary, conclusion = judged
        self.closing = {"summary": summary, "conclusion": conclusion}
        self.brief = replace(self.brief, gaps=draft.gaps)
        self.repairs_as_printed = self._print_written()

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
            return repairs
        self.is_written = any(outcome.passed for own in self.outcomes for outcome in own)
        sides = verified[len(self.headings) :]
        body = [sentence for section in sections for sentence in section.sentences]
        self.brief = replace(
            self.brief,
            summary=tuple(own["summary"] or _not_repeated(self.draft.summary, body) or body[:1]),
            sections=tuple(sections),
            conclusion=tuple(own["conclusion"]),
            disagreements=tuple(
                Disagreement(about=each.about, sides=(one[0], other[0]))
                for each, one, other in zip(self.outline.disagreements, sides[::2], sides[1::2], strict=True)
                if len(one) == len(other) == 1
            ),
        )
        return repairs

    def edit(self) -> None:
        """Have the whole brief read beside its passages and corrected; what is not borne out stays as it was.

        Without a usable reply the brief stays as it is, and says so. What is all quotations is not read.
        """
        if all(outcome.draft.is_quote for own in self.outcomes for outcome in own):
            return
        self.current_part = "corrections"
        self._report(self.brief)
        parts = self._parts_to_edit()
        entries = [entry for part in parts for entry in part.entries]
        self._add_read([*self.writer.passages_to_edit(entries, self.outline, self.found_last).values()])
        try:
            corrections = self.writer.edit(parts, self.brief.gaps, self.outline, self.found_last)
        except ReplyError as error:
            self._add_notice(f"The model did not read the finished brief once more: {error}")
            return
        edited = edited_parts(parts, corrections.edits, self.policy)
        outcomes = (outcome for own in (*self.outcomes, *self.closing.values()) for outcome in own)
        self.policy.log = (*(repair for outcome in outcomes for repair in outcome.repairs), *self.policy.log)
        self.repairs_as_printed = ()
        self.brief = brief_of_parts(self.brief, parts, edited, corrections)
        self.is_written = True

    def review(self) -> None:
        """Have the brief read as it would be printed, and corrected once more; see :meth:`edit`.

        What the editor wrote is read by nobody else, and it stands beside sentences that were written without it.
        """
        if not self.is_written:
            return
        self.current_part = "review"
        self._report(self.brief)
        self.policy.log += self.repairs_as_printed
        self.repairs_as_printed = ()
        parts = printed_parts(self.brief)
        cited = {chunk.id: chunk for chunk in self.brief.cited()}
        self.writer = self.writer.with_found(list(cited.values()), {})
        self._add_read(self.writer.passages_to_review(parts))
        try:
            corrections = self.writer.review(parts, self.brief.gaps, self.outline.glossary)
        except ReplyError as error:
            self._add_notice(f"The model did not review the corrected brief: {error}")
            return
        edited = edited_parts(parts, corrections.edits, self.policy)
        self.brief = brief_of_parts(self.brief, parts, edited, corrections)

    def _parts_to_edit(self) -> list[PartToEdit]:
        """Return the summary, the sections, the disagreements and the conclusion, with what was refused of them."""
        standing = StandingSentences()
        sections = [
            PartToEdit(kind="section", name=heading, entries=_entries(own, standing))
            for heading, own in zip(self.headings, self.outcomes, strict=False)
        ]
        sides = [
            PartToEdit(kind="side", name=each.about, entries=_entries(side, standing))
            for each, *pair in self._disagreement_outcomes()
            for side in pair
        ]
        closing: dict[ClosingPart, tuple[SentenceToEdit, ...]] = {
            "summary": self.brief.summary,
            "conclusion": self.brief.conclusion,
            **{part: entries for part, own in self.closing.items() if (entries := _entries(own, standing))},
        }
        first = next((each for each in sections if any(isinstance(entry, Sentence) for entry in each.entries)), None)
        sections = [replace(each, required=each is first) for each in sections]
        summary = PartToEdit(kind="summary", entries=closing["summary"], required=True)
        return [summary, *sections, *sides, PartToEdit(kind="conclusion", entries=closing["conclusion"])]

    def _disagreement_outcomes(self) -> list[tuple[DraftDisagreement, list[Outcome], list[Outcome]]]:
        """Return the disagreements of the outline, each with what became of its two sides."""
        sides = self.outcomes[len(self.headings) :]
        return list(zip(self.outline.disagreements, sides[::2], sides[1::2], strict=True))

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


def _quotes(themes: Iterable[Theme]) -> list[list[EvidenceSentence]]:
    """Return for each theme the evidence sentences of its passages that are nearest to its key points."""
    standing = StandingSentences()
    quotes: list[list[EvidenceSentence]] = []
    for theme in themes:
        own: list[EvidenceSentence] = []
        for point in theme.key_points:
            near = nearest_evidence(Draft(text=point.text, chunks=point.passages, evidence=()), standing)
            own += [sentence for sentence in near if standing.add(sentence.as_sentence())]
        quotes.append(own)
    return quotes


def _entries(outcomes: Iterable[Outcome], standing: StandingSentences) -> tuple[SentenceToEdit, ...]:
    """Return the sentences that passed and were not ``standing``, and what was refused with its fault."""
    entries: list[SentenceToEdit] = []
    for outcome in outcomes:
        passed = [sentence for sentence in outcome.sentences if standing.add(sentence)]
        entries += passed if outcome.passed else [outcome.refused]
    return tuple(entries)


def _not_repeated(sentences: Iterable[Sentence], others: Sequence[Sentence]) -> list[Sentence]:
    texts = [other.text for other in others]
    return [sentence for sentence in sentences if not repeated_in(sentence.text, texts)]
