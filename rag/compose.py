"""Question + hits → brief: plan, write, verify, repair.

The plan, set as quotes, is already a brief whose every sentence is true to its passage. Writing then replaces
it section by section, so that at any moment a verified brief stands: what an interruption leaves is that brief,
and what a failing section leaves is its quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.errors import Interrupted, ModelError, ReplyError
from rag.notes import Note, speaks_of_known, tells_finding
from rag.plan import Plan, PlannedSection
from rag.repair import Ladder, quoted, same
from rag.types import Brief, Disagreement, Hit, Section, Sentence, Trace
from rag.verify import Verifier
from rag.writers import Writer

Stage = Literal["load", "read", "embed", "retrieve", "plan", "write", "check", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is being done: ``done`` of ``total`` steps of ``stage``; ``brief`` is the draft as it stands, if any."""

    stage: Stage
    message: str
    done: int | None = None
    total: int | None = None
    brief: Brief | None = None


OnProgress = Callable[[Step], None]

SUMMED_UP = 4
SUMMED_UP_WITHIN = 0.4
"""A note that weighs this much less than the best one does not sum up the answer."""

CONCLUDED = 2
ESTABLISHED = 0.3
"""What an outcome is worth more than an event where a brief sums up: nearly always more than its likeness."""

UNKNOWN = 0.4
"""What it costs there to speak of somebody by a surname whom the passage, but not the brief, has introduced."""


def insufficient(question: str, hits: Sequence[Hit], trace: Trace, gaps: Sequence[str]) -> Brief:
    """The brief that says that the corpus does not answer the question, with the nearest passages."""
    return Brief(
        question=question,
        status="insufficient_evidence",
        summary=(),
        sections=(),
        conclusion=(),
        evidence=tuple(hits),
        trace=trace,
        gaps=tuple(gaps),
    )


def draft(question: str, hits: Sequence[Hit], plan: Plan, trace: Trace, gaps: Sequence[str] = ()) -> Brief:
    """The plan set as quotes: what ``extractive`` answers, and what every other model starts from."""
    summary, conclusion = closing_notes(plan)
    return Brief(
        question=question,
        status="answered",
        summary=tuple(quoted(note) for note in summary),
        sections=tuple(
            Section(heading=planned.heading, sentences=tuple(quoted(note) for note in planned.notes))
            for planned in plan.sections
        ),
        conclusion=tuple(quoted(note) for note in conclusion),
        evidence=tuple(hits),
        trace=trace,
        disagreements=tuple(
            Disagreement(about=found.about, sides=(quoted(found.stating), quoted(found.disputing)))
            for found in plan.conflicts
        ),
        gaps=tuple(gaps),
    )


def compose(
    question: str,
    hits: Sequence[Hit],
    plan: Plan,
    writer: Writer,
    verifier: Verifier,
    *,
    trace: Trace,
    gaps: Sequence[str] = (),
    on_progress: OnProgress = lambda _: None,
) -> Brief:
    """The brief that ``writer`` makes of ``plan``, each sentence verified and, where it fails, quoted instead.

    Raises:
        Interrupted: the model was lost, or the person stopped it; carries the brief as far as it was.
    """
    brief = draft(question, hits, plan, trace, gaps)
    summary, conclusion = closing_notes(plan)
    ladder = Ladder(verifier=verifier, evidence=[hit.chunk for hit in hits], rewrite=writer.rewrite)
    steps = [planned.heading for planned in plan.sections] + ["summary", "conclusion"]
    on_progress(Step(stage="write", message="draft", done=0, total=len(steps), brief=brief))
    for done, step in enumerate(steps):
        on_progress(Step(stage="write", message=step, done=done, total=len(steps)))
        try:
            if done < len(plan.sections):
                brief = _with_section(brief, done, plan.sections[done], writer, ladder)
            else:
                part: Literal["summary", "conclusion"] = (
                    "summary" if step == "summary" and done == len(steps) - 2 else "conclusion"
                )
                brief = _with_closing(brief, part, summary if part == "summary" else conclusion, writer, ladder)
        except (ModelError, KeyboardInterrupt) as error:
            why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
            kept = replace(brief, trace=replace(trace, repairs=ladder.log))
            raise Interrupted(f"while writing {step!r}: {why}", draft=kept, doing=step) from error
        on_progress(Step(stage="write", message=step, done=done + 1, total=len(steps), brief=brief))
    return replace(brief, trace=replace(trace, repairs=ladder.log))


def closing_notes(plan: Plan) -> tuple[list[Note], list[Note]]:
    """The notes that the summary and the conclusion are made of, all of them notes of the sections.

    The summary takes what weighs most, the best of each section before the second best of any, in the order of the
    brief; the conclusion the next best notes.
    """
    told = [note for planned in plan.sections for note in planned.notes]
    ranked = sorted(told, key=lambda note: (note in plan.leads, _weight(note)), reverse=True)
    heaviest = max(map(_weight, told))
    near = [note for note in ranked if _weight(note) >= heaviest - SUMMED_UP_WITHIN]
    best = (near if len(near) > 1 else sorted(told, key=_weight, reverse=True)[:2])[:SUMMED_UP]
    summary = [note for note in told if note in best]
    rest = sorted((note for note in told if note not in best), key=_weight, reverse=True)
    return summary, rest[: min(CONCLUDED, len(rest) - 1)]


def _weight(note: Note) -> float:
    finding = ESTABLISHED if tells_finding(note.text) else 0.0
    return note.relevance + finding - (UNKNOWN if speaks_of_known(note) else 0.0)


def _with_section(brief: Brief, place: int, planned: PlannedSection, writer: Writer, ladder: Ladder) -> Brief:
    others = [section.heading for i, section in enumerate(brief.sections) if i != place]
    before = brief.sections[place]
    try:
        written = writer.section(planned, others)
    except ReplyError as error:
        ladder.note(planned.heading, "quote", "", _texts(before.sentences), f"no usable reply: {error}")
        return brief
    if written.fault:
        ladder.note("heading", "quote", "", planned.heading, written.fault)
    elsewhere = {same(s.text) for i, section in enumerate(brief.sections) if i != place for s in section.sentences}
    heading = written.heading or planned.heading
    sentences = ladder.settle(written.drafts, heading, elsewhere) or before.sentences
    sections = list(brief.sections)
    sections[place] = Section(heading=heading, sentences=tuple(sentences))
    return replace(brief, sections=tuple(sections))


def _with_closing(
    brief: Brief,
    part: Literal["summary", "conclusion"],
    notes: Sequence[Note],
    writer: Writer,
    ladder: Ladder,
) -> Brief:
    body = [sentence for section in brief.sections for sentence in section.sentences]
    if not notes:
        return brief
    try:
        drafts = writer.closing(part, notes, body)
    except ReplyError as error:
        ladder.note(part, "quote", "", _texts(getattr(brief, part)), f"no usable reply: {error}")
        return brief
    elsewhere = {same(s.text) for s in brief.summary} if part == "conclusion" else set()
    settled = ladder.settle(drafts, part, elsewhere) or getattr(brief, part)
    sentences = ladder.follow(settled, body, part, elsewhere)
    return replace(brief, summary=sentences) if part == "summary" else replace(brief, conclusion=sentences)


def _texts(sentences: Sequence[Sentence]) -> str:
    return " ".join(sentence.text for sentence in sentences)
