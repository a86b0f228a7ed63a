"""Compose a brief with a large model: one outline call, all sections at once, then summary and conclusion in one call.

::

    quotes → outline → sections, in parallel → verified → revisions, summary and conclusion → verified

Summary and conclusion are written in the call that revises the refused sentences of the sections. Their own refused
sentences are revised in one further call. The quotes of the evidence are a verified brief before the
first call, the quotes of the model's outline after it, and the verified sections after the next calls: an interruption
returns what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rag._internal.concurrency import start_all
from rag.errors import Interrupted, ModelError, ReplyError
from rag.progress import OnProgress, Step
from rag.retrieval import as_neighbours
from rag.types import HEADING_REPAIR, UNUSABLE_REPLY, Brief, Disagreement, Hit, Repair, Section, Sentence, Trace
from rag.verify import Verifier
from rag.writing.compose import insufficient_brief, quoted_brief
from rag.writing.drafts import CLOSING_PARTS, Draft, RefusedDraft, quote_draft
from rag.writing.evidence import EvidenceSentence
from rag.writing.large_writer import LargeWriter
from rag.writing.outcome import Outcome
from rag.writing.outline import Outline
from rag.writing.repair import RepairPolicy
from rag.writing.repetition import repeated_in
from rag.writing.replacement import StandingSentences, nearest_evidence
from rag.writing.thematic_outline import ThematicOutline, Theme, outline_without_model

PARTS = ("outline", "sections", "summary and conclusion")
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
        on_progress=on_progress,
    )
    try:
        composition.make_outline(sections)
        if composition.outline.themes:
            composition.write_sections()
            composition.write_closing_parts()
    except (ModelError, KeyboardInterrupt) as error:
        why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
        part = composition.current_part
        raise Interrupted(f"while writing {part!r}: {why}", draft=composition.brief_so_far(), doing=part) from error
    return composition.brief_so_far()


@dataclass(slots=True, kw_only=True)
class _LargeComposition:
    """A brief that is being written: ``brief`` is verified at any moment, ``current_part`` is written next.

    ``draft`` is the brief of quotes that it begins with. ``outcomes`` are those of the sections' drafts, then of the
    sides of the disagreements. While refused ones may still be revised, ``repairs_if_interrupted`` are the repairs of
    the brief as it stands.
    """

    brief: Brief
    draft: Brief
    first_outline: Outline
    writer: LargeWriter
    policy: RepairPolicy
    on_progress: OnProgress
    outline: ThematicOutline = field(default_factory=partial(ThematicOutline, themes=()))
    quotes: list[list[EvidenceSentence]] = field(default_factory=list)
    outcomes: list[list[Outcome]] = field(default_factory=list)
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
        self._add_companions()
        self.quotes = _quotes(self.outline.themes)
        quoted = [
            Section(heading=theme.heading, sentences=tuple(sentence.as_sentence() for sentence in own))
            for theme, own in zip(self.outline.themes, self.quotes, strict=True)
            if own
        ]
        self.brief = replace(self.brief, sections=tuple(quoted) or self.brief.sections, gaps=gaps)

    def _add_companions(self) -> None:
        """Make evidence of the passages that the sections read beside those of the outline."""
        read = self.writer.passages_read(self.outline)
        self.brief = replace(self.brief, evidence=(*self.brief.evidence, *as_neighbours(read, self.brief.evidence)))
        self.policy.evidence = read

    def write_sections(self) -> None:
        """Have all sections written at the same time, and verify them together with the disagreements.

        What passes stands from then on, and evidence in place of what does not, until that is revised.
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
        self._print_for_now()

    def _print_for_now(self) -> None:
        """Print the sections as they stand; their repairs are logged when nothing more is revised."""
        self.repairs_if_interrupted = self._print_sections()

    def _print_sections(self) -> tuple[Repair, ...]:
        """Put what stands of the sections and disagreements into the brief, and return the repairs that led to it.

        Without a section the quotes stay. A side of a disagreement that was revised into two sentences is given up with
        it.
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
        """Have refused sentences revised, and summary and conclusion written, in one call that is verified at once.

        A failed summary leaves quotes.
        """
        self.current_part = "summary and conclusion"
        self._report(self.brief)
        passed = [*self._passed_sections(), *self._passed_disagreements()]
        body = [sentence for section in passed for sentence in section.sentences]
        refused = self.policy.take_refused(self.outcomes)
        if not passed and not refused:
            return
        try:
            drafts = self.writer.closing(
                passed, self.brief.gaps, self.outline, [outcome.refused for outcome in refused]
            )
        except ReplyError as error:
            self.policy.record(self.current_part, "quote", "", "", f"{UNUSABLE_REPLY}: {error}")
            self._settle()
            return
        summary, conclusion = self.policy.closing_parts(
            [(part, drafts.parts[part]) for part in CLOSING_PARTS],
            body,
            self._revise_closing,
            list(zip(refused, drafts.revised, strict=True)),
        )
        self._settle()
        self.brief = replace(
            self.brief,
            summary=tuple(summary) or self.brief.summary,
            sections=self._without(drafts.repeats, drafts.beside),
            conclusion=tuple(conclusion),
            gaps=tuple(left for gap in self.brief.gaps if (left := drafts.closed_gaps.get(gap, gap))),
        )

    def _revise_closing(self, refused: Sequence[RefusedDraft]) -> list[tuple[Draft, ...]]:
        """Have refused sentences of summary and conclusion revised from the sections, whose revisions stand by now."""
        self._print_for_now()
        return self.writer.revise_closing(refused, [*self._passed_sections(), *self._passed_disagreements()])

    def _passed_sections(self) -> list[Section]:
        """Return the sections with the sentences that passed so far."""
        return [
            Section(heading=theme.heading, sentences=tuple(sentences))
            for theme, own in zip(self.outline.themes, self.outcomes, strict=False)
            if (sentences := [sentence for outcome in own for sentence in outcome.sentences])
        ]

    def _passed_disagreements(self) -> list[Section]:
        """Return the disagreements of which both sides passed, each as a section: the summary may tell of them."""
        sides = [outcome.sentences for own in self.outcomes[len(self.outline.themes) :] for outcome in own]
        pairs = zip(self.outline.disagreements, sides[::2], sides[1::2], strict=True)
        return [
            Section(heading=f"Where the sources disagree: {each.about}", sentences=(*one, *other))
            for each, one, other in pairs
            if len(one) == len(other) == 1
        ]

    def _settle(self) -> None:
        self.repairs_if_interrupted = ()
        self.policy.log += self._print_sections()

    def _without(
        self, repeats: Iterable[tuple[Collection[str], Collection[str]]], beside: Collection[str]
    ) -> tuple[Section, ...]:
        """Return the sections without what says nothing new, and what stands ``beside`` the question, by their texts.

        Of each pair of ``repeats`` the first texts go, as long as one of the second stays and the section has others.
        A section of which all sentences stand beside the question goes too, unless it is the only one.
        """
        left = {section.heading: list(section.sentences) for section in self.brief.sections}
        for heading, own in left.items():
            kept = [sentence for sentence in own if sentence.text not in beside]
            if not kept and sum(map(bool, left.values())) == 1:
                continue
            for sentence in own:
                if sentence not in kept:
                    self.policy.record(heading, "drop", sentence.text, "", "it stands beside the question")
            own[:] = kept
        for repeating, repeated in repeats:
            standing = [each.text for own in left.values() for each in own]
            same = next((text for text in standing if text in repeated and text not in repeating), None)
            for heading, own in left.items():
                for sentence in [each for each in own if each.text in repeating]:
                    if same is not None and len(own) > 1:
                        own.remove(sentence)
                        self.policy.record(heading, "drop", sentence.text, "", f"another sentence says it: {same}")
        return tuple(Section(heading=heading, sentences=tuple(own)) for heading, own in left.items() if own)

    def brief_so_far(self) -> Brief:
        """Return the brief with the log of its repairs."""
        repairs = (*self.policy.log, *self.repairs_if_interrupted)
        return replace(self.brief, trace=replace(self.brief.trace, repairs=repairs))

    def _written(
        self, theme: Theme, written: Callable[[], list[Draft]], quotes: Sequence[EvidenceSentence]
    ) -> list[Draft]:
        """Return the drafts of a section, or its quotes if the reply is unusable."""
        try:
            return written()
        except ReplyError as error:
            text = " ".join(sentence.text for sentence in quotes)
            self.policy.record(theme.heading, "quote", "", text, f"{UNUSABLE_REPLY}: {error}")
            return [quote_draft(sentence) for sentence in quotes]

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


def _not_repeated(sentences: Iterable[Sentence], others: Sequence[Sentence]) -> list[Sentence]:
    texts = [other.text for other in others]
    return [sentence for sentence in sentences if not repeated_in(sentence.text, texts)]
