"""Compose a brief with a large model: an outline, all sections at once, summary and conclusion, then corrections.

::

    quotes → outline → further search → sections, in parallel → verified → summary and conclusion → further search
           → verified → corrections → verified

The last call reads the whole brief beside its passages, and corrects what was refused and what a reader would object
to. The quotes of the evidence are a verified brief before the first call, the quotes of the model's outline after it,
and the verified sections after the next calls: an interruption returns what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rag._internal.concurrency import start_all
from rag.errors import Interrupted, ModelError, ReplyError
from rag.progress import OnProgress, Step
from rag.retrieval import as_neighbours
from rag.types import HEADING_REPAIR, UNUSABLE_REPLY, Brief, Chunk, Disagreement, Hit, Repair, Section, Sentence, Trace
from rag.verify import Verifier
from rag.writing.compose import insufficient_brief, quoted_brief
from rag.writing.drafts import CLOSING_PARTS, ClosingPart, Draft, quote_draft
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

PARTS = ("outline", "sections", "summary and conclusion", "corrections")
"""What is written one after another."""

FOUND_PER_SEARCH, FOUND_BESIDE = 3, 3
"""Passages that a search of the model adds to those that it names, and those beside the ones of a theme."""


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
            composition.write_sections()
            composition.write_closing_parts()
            composition.edit()
    except (ModelError, KeyboardInterrupt) as error:
        why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
        part = composition.current_part
        raise Interrupted(f"while writing {part!r}: {why}", draft=composition.brief_so_far(), doing=part) from error
    return composition.brief_so_far()


@dataclass(slots=True, kw_only=True)
class _LargeComposition:
    """A brief that is being written: ``brief`` is verified at any moment, ``current_part`` is written next.

    ``draft`` is the brief of quotes that it begins with. ``outcomes`` are those of the sections' drafts, then of the
    sides of the disagreements, ``closing`` those of summary and conclusion; ``found_last`` is what was searched for
    then. While refused ones may still be corrected, ``repairs_if_interrupted`` are the repairs of the brief as it
    stands.
    """

    brief: Brief
    draft: Brief
    first_outline: Outline
    writer: LargeWriter
    policy: RepairPolicy
    search: FurtherSearch
    on_progress: OnProgress
    outline: ThematicOutline = field(default_factory=partial(ThematicOutline, themes=()))
    quotes: list[list[EvidenceSentence]] = field(default_factory=list)
    outcomes: list[list[Outcome]] = field(default_factory=list)
    closing: dict[ClosingPart, list[Outcome]] = field(default_factory=dict)
    found_last: tuple[Chunk, ...] = ()
    repairs_if_interrupted: tuple[Repair, ...] = ()
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
        for fault in self.outline.faults:
            self.policy.record(HEADING_REPAIR, "quote", "", "", fault)
        self._search_further()
        self._add_read(self.writer.passages_read(self.outline))
        self.quotes = _quotes(self.outline.themes)
        quoted = [
            Section(heading=theme.heading, sentences=tuple(sentence.as_sentence() for sentence in own))
            for theme, own in zip(self.outline.themes, self.quotes, strict=True)
            if own
        ]
        self.brief = replace(self.brief, sections=tuple(quoted) or self.brief.sections, gaps=gaps)

    def _search_further(self) -> None:
        """Give each theme what its searches find, and what stands beside its passages, as far as no theme names it."""
        named = {chunk.id for theme in self.outline.themes for chunk in theme.passages}
        themes = []
        for theme in self.outline.themes:
            beside = [hit for hit in self.search.beside(theme.passages) if hit.chunk.id not in named][:FOUND_BESIDE]
            found = {hit.chunk.id: hit.chunk for hit in (*beside, *self._searched(theme.searches, named))}
            self._add_evidence(beside)
            themes.append(replace(theme, found=tuple(found.values())))
        self.outline = replace(self.outline, themes=tuple(themes))

    def _searched(self, queries: Iterable[str], known: Collection[str]) -> list[Hit]:
        """Return what ``queries`` find beside the ``known`` ids; it becomes evidence."""
        found: dict[str, Hit] = {}
        for query in queries:
            hits, beside = self.search.find(query)
            new = [hit for hit in hits if hit.chunk.id not in known and hit.chunk.id not in found][:FOUND_PER_SEARCH]
            self._add_evidence(new, beside)
            found |= {hit.chunk.id: hit for hit in new}
        return list(found.values())

    def _add_evidence(self, hits: Sequence[Hit], beside: Mapping[str, Sequence[Chunk]] | None = None) -> None:
        """Add ``hits`` to the evidence of the brief, ranked after the other, and to that of the writer."""
        self.writer = self.writer.with_found([hit.chunk for hit in hits], beside or {})
        known = {hit.chunk.id for hit in self.brief.evidence}
        new = {hit.chunk.id: hit for hit in hits if hit.chunk.id not in known}
        ranked = [replace(hit, rank=rank) for rank, hit in enumerate(new.values(), len(known) + 1)]
        self.brief = replace(self.brief, evidence=(*self.brief.evidence, *ranked))

    def _add_read(self, read: Sequence[Chunk]) -> None:
        """Make evidence of passages that the writer is about to read beside those of the outline."""
        self.brief = replace(self.brief, evidence=(*self.brief.evidence, *as_neighbours(read, self.brief.evidence)))
        self.policy.evidence = list({chunk.id: chunk for chunk in (*self.policy.evidence, *read)}.values())

    def write_sections(self) -> None:
        """Have all sections written at the same time, and verify them together with the disagreements.

        What passes stands from then on, and evidence in place of what does not, until that is corrected.
        """
        self.current_part = "sections"
        self._report(self.brief)
        calls = [partial(self.writer.section, theme, self.outline) for theme in self.outline.themes]
        drafts = [
            self._written(theme, written, own)
            for theme, written, own in zip(
                self.outline.themes, start_all(calls, isolated=ReplyError), self.quotes, strict=True
            )
        ]
        parts = [(theme.heading, own) for theme, own in zip(self.outline.themes, drafts, strict=True)]
        sides = [(f"disagreement: {each.about}", [side]) for each in self.outline.disagreements for side in each.sides]
        self.outcomes = self.policy.judged([*parts, *sides])
        self.repairs_if_interrupted = self._print_sections()

    def _print_sections(self) -> tuple[Repair, ...]:
        """Put what stands of the sections and disagreements into the brief, and return the repairs that led to it.

        Without a section the quotes stay.
        """
        verified, repairs = self.policy.settled(self.outcomes)
        themes = self.outline.themes
        sections = [
            Section(heading=theme.heading, sentences=tuple(sentences))
            for theme, sentences in zip(themes, verified, strict=False)
            if sentences
        ]
        if not sections:
            return repairs
        pairs = zip(verified[len(themes) :: 2], verified[len(themes) + 1 :: 2], strict=True)
        body = [sentence for section in sections for sentence in section.sentences]
        summary = _not_repeated(self.draft.summary, body) or body[:1]
        self.brief = replace(
            self.brief,
            summary=tuple(summary),
            sections=tuple(sections),
            conclusion=tuple(_not_repeated(self.draft.conclusion, [*body, *summary])),
            disagreements=tuple(
                Disagreement(about=each.about, sides=(one[0], other[0]))
                for each, (one, other) in zip(self.outline.disagreements, pairs, strict=True)
                if len(one) == len(other) == 1
            ),
        )
        return repairs

    def write_closing_parts(self) -> None:
        """Have summary and conclusion written from what passed, and verify them; a failed summary leaves quotes."""
        self.current_part = "summary and conclusion"
        self._report(self.brief)
        passed = [*self._passed_sections(), *self._passed_disagreements()]
        if not passed:
            return
        try:
            drafts = self.writer.closing(passed, self.outline)
        except ReplyError as error:
            self.policy.record(self.current_part, "quote", "", "", f"{UNUSABLE_REPLY}: {error}")
            return
        body = [sentence for section in passed for sentence in section.sentences]
        edited = {chunk.id for chunk in self.writer.passages_to_edit((), self.outline, ()).values()}
        self.found_last = tuple(hit.chunk for hit in self._searched(drafts.searches, edited))
        judged = self.policy.judged_closing([(part, drafts.parts[part]) for part in CLOSING_PARTS], body)
        self.closing = dict(zip(CLOSING_PARTS, judged, strict=True))
        summary, conclusion = ([each for outcome in own for each in outcome.sentences] for own in judged)
        self.brief = replace(self.brief, summary=tuple(summary) or self.brief.summary, conclusion=tuple(conclusion))
        for outcome in (outcome for own in judged for outcome in own):
            self.repairs_if_interrupted += tuple(outcome.repairs)
            if not outcome.passed:
                self.repairs_if_interrupted += (replacement_repair(outcome, []),)

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
            notice = f"The model did not read the finished brief once more: {error}"
            trace = replace(self.brief.trace, notices=(*self.brief.trace.notices, notice))
            self.brief = replace(self.brief, trace=trace)
            return
        edits = edited_parts(parts, corrections.edits, self.policy)
        edited = edits.sentences
        outcomes = (outcome for own in (*self.outcomes, *self.closing.values()) for outcome in own)
        self.policy.log = (*(repair for outcome in outcomes for repair in outcome.repairs), *self.policy.log)
        self.repairs_if_interrupted = ()
        headings = [corrections.headings.get(at, part.name) for at, part in enumerate(parts)]
        sections = tuple(
            Section(heading=heading, sentences=tuple(sentences))
            for part, heading, sentences in zip(parts, headings, edited, strict=True)
            if part.is_section and sentences
        )
        sides = edited[1 + len(self.outcomes[: len(self.outline.themes)]) : -1]
        pairs = zip(self.outline.disagreements, sides[::2], sides[1::2], strict=True)
        closed = {gap: left for gap, (at, left) in corrections.closed_gaps.items() if at not in edits.failed}
        left = (left for gap in self.brief.gaps if (left := closed.get(gap, gap)))
        self.brief = replace(
            self.brief,
            summary=tuple(edited[0]) or self.brief.summary,
            sections=sections or self.brief.sections,
            conclusion=tuple(edited[-1]),
            disagreements=tuple(
                Disagreement(about=each.about, sides=(one[0], other[0]))
                for each, one, other in pairs
                if len(one) == len(other) == 1 and set(one[0].citations) != set(other[0].citations)
            ),
            gaps=tuple(dict.fromkeys((*left, *corrections.open_gaps))),
        )

    def _parts_to_edit(self) -> list[PartToEdit]:
        """Return the summary, the sections, the disagreements and the conclusion, with what was refused of them."""
        standing = StandingSentences()
        themes = self.outline.themes
        sections = [
            PartToEdit(name=theme.heading, entries=_entries(own, standing), is_section=True)
            for theme, own in zip(themes, self.outcomes, strict=False)
        ]
        sides = [
            PartToEdit(name=f"disagreement: {each.about}", entries=_entries(side, standing))
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
        summary = PartToEdit(name="summary", entries=closing["summary"], required=True)
        return [summary, *sections, *sides, PartToEdit(name="conclusion", entries=closing["conclusion"])]

    def _disagreement_outcomes(self) -> list[tuple[DraftDisagreement, list[Outcome], list[Outcome]]]:
        """Return the disagreements of the outline, each with what became of its two sides."""
        sides = self.outcomes[len(self.outline.themes) :]
        return list(zip(self.outline.disagreements, sides[::2], sides[1::2], strict=True))

    def _passed_sections(self) -> list[Section]:
        """Return the sections with the sentences that passed so far."""
        return [
            Section(heading=theme.heading, sentences=tuple(sentences))
            for theme, own in zip(self.outline.themes, self.outcomes, strict=False)
            if (sentences := [sentence for outcome in own for sentence in outcome.sentences])
        ]

    def _passed_disagreements(self) -> list[Section]:
        """Return the disagreements of which both sides passed, each as a section: the summary may tell of them."""
        found = []
        for each, one, other in self._disagreement_outcomes():
            sentences = tuple(sentence for outcome in (*one, *other) for sentence in outcome.sentences)
            if len(sentences) == len(each.sides):
                found.append(Section(heading=f"Where the sources disagree: {each.about}", sentences=sentences))
        return found

    def brief_so_far(self) -> Brief:
        """Return the brief with the log of its repairs."""
        repairs = (*self.policy.log, *self.repairs_if_interrupted)
        return replace(self.brief, trace=replace(self.brief.trace, repairs=repairs))

    def _written(
        self, theme: Theme, written: Callable[[], list[Draft]], quotes: Sequence[EvidenceSentence]
    ) -> list[Draft]:
        """Return the drafts of a section, or its quotes if the reply is unusable."""
        try:
            drafts, fault = written(), "the section has no complete sentence"
        except ReplyError as error:
            drafts, fault = [], str(error)
        if not drafts:
            text = " ".join(sentence.text for sentence in quotes)
            self.policy.record(theme.heading, "quote", "", text, f"{UNUSABLE_REPLY}: {fault}")
        return drafts or [quote_draft(sentence) for sentence in quotes]

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
