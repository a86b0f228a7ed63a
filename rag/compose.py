"""Question + hits → brief: plan, write, verify, repair.

The plan, set as quotes, is already a brief whose every sentence is true to its passage. Writing then replaces
it section by section, so that at any moment a verified brief stands: what an interruption leaves is that brief,
and what a failing section leaves is its quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.errors import Interrupted, ModelError, ReplyError
from rag.notes import Note
from rag.plan import Plan, PlannedSection
from rag.types import Brief, Hit, Quote, Repair, Section, Sentence, Trace
from rag.verify import Verifier
from rag.writers import Draft, Writer

Stage = Literal["load", "read", "embed", "retrieve", "plan", "write", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is being done: ``done`` of ``total`` steps of ``stage``; ``brief`` is the draft as it stands, if any."""

    stage: Stage
    message: str
    done: int | None = None
    total: int | None = None
    brief: Brief | None = None


OnProgress = Callable[[Step], None]

_FINDING = re.compile(
    r"\b(?:conclud|found|finding|establish|determin|assess|sentenced|convicted|acquitted|pardon|charged|did not"
    r"|no evidence|no charge)",
    re.IGNORECASE,
)
SUMMED_UP = 4
CONCLUDED = 2


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
    steps = [planned.heading for planned in plan.sections] + ["summary", "conclusion"]
    log = RepairLog()
    on_progress(Step(stage="write", message="draft", done=0, total=len(steps), brief=brief))
    for done, step in enumerate(steps):
        on_progress(Step(stage="write", message=step, done=done, total=len(steps)))
        try:
            if done < len(plan.sections):
                brief = _with_section(brief, done, plan.sections[done], writer, verifier, log)
            else:
                part: Literal["summary", "conclusion"] = (
                    "summary" if step == "summary" and done == len(steps) - 2 else "conclusion"
                )
                brief = _with_closing(brief, part, summary if part == "summary" else conclusion, writer, verifier, log)
        except (ModelError, KeyboardInterrupt) as error:
            why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
            kept = replace(brief, trace=replace(trace, repairs=log.entries))
            raise Interrupted(f"while writing {step!r}: {why}", draft=kept, doing=step) from error
        on_progress(Step(stage="write", message=step, done=done + 1, total=len(steps), brief=brief))
    return replace(brief, trace=replace(trace, repairs=log.entries))


@dataclass(slots=True)
class RepairLog:
    """Every sentence that is not printed as it was written, in the order in which it was met."""

    entries: tuple[Repair, ...] = field(default=())

    def add(self, entry: Repair) -> None:
        """Keep ``entry``."""
        self.entries += (entry,)


def closing_notes(plan: Plan) -> tuple[list[Note], list[Note]]:
    """The notes that the summary and the conclusion are made of, all of them notes of the sections.

    The summary takes the most relevant note of each of the first sections; the conclusion notes that tell a finding.
    """
    summary = list(plan.leads[:SUMMED_UP])
    notes = (note for planned in plan.sections for note in planned.notes if note not in summary)
    rest = sorted(notes, key=lambda note: -note.relevance)
    findings = [note for note in rest if _FINDING.search(note.text)]
    spare = [note for note in plan.leads if note not in summary]
    conclusion = list(dict.fromkeys([*findings, *spare, *rest]))[: min(CONCLUDED, len(rest) - 1)]
    return summary, conclusion


def quoted(note: Note) -> Sentence:
    """A note as a sentence of the brief: it is its own quote."""
    return Sentence(text=note.text, citations=(note.chunk.id,), support="full", score=1.0, quotes=(_quote(note),))


def verified(
    drafts: Sequence[Draft], verifier: Verifier, where: str, log: RepairLog, printed: set[str] | None = None
) -> list[Sentence]:
    """The sentences that may be printed: those of full support, and quotes in place of the others.

    ``printed`` are sentences already in the body, in :func:`same`'s form; none of them is printed twice.
    """
    seen = set() if printed is None else printed
    sentences: list[Sentence] = []

    def put(sentence: Sentence) -> bool:
        key = same(sentence.text)
        if key in seen:
            return False
        seen.add(key)
        sentences.append(sentence)
        return True

    verdicts = verifier.verify([(draft.text, draft.chunks) for draft in drafts])
    for made, verdict in zip(drafts, verdicts, strict=True):
        if len(made.notes) == 1 and made.text == made.notes[0].text:
            put(quoted(made.notes[0]))
            continue
        fault = made.fault or (verdict.reason if verdict.support != "full" else None)
        if fault is None:
            quotes = tuple(_quote(note) for note in made.notes if note.chunk in made.chunks) or verifier.quotes(
                made.text, made.chunks
            )
            cited = tuple(chunk.id for chunk in made.chunks)
            put(Sentence(text=made.text, citations=cited, support="full", score=verdict.score, quotes=quotes))
            continue
        instead = [note.text for note in made.notes if put(quoted(note))]
        log.add(
            Repair(
                where=where, rung="quote" if instead else "drop", before=made.text, after=" ".join(instead), why=fault
            )
        )
    return sentences


def same(text: str) -> str:
    """``text`` as it is compared with another: case, spaces and punctuation do not tell two sentences apart."""
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _with_section(
    brief: Brief, place: int, planned: PlannedSection, writer: Writer, verifier: Verifier, log: RepairLog
) -> Brief:
    others = [section.heading for i, section in enumerate(brief.sections) if i != place]
    before = brief.sections[place]
    try:
        written = writer.section(planned, others)
    except ReplyError as error:
        log.add(_kept_quotes(planned.heading, before.sentences, error))
        return brief
    if written.fault:
        log.add(Repair(where="heading", rung="quote", before="", after=planned.heading, why=written.fault))
    elsewhere = {same(s.text) for i, section in enumerate(brief.sections) if i != place for s in section.sentences}
    heading = written.heading or planned.heading
    sentences = verified(written.drafts, verifier, heading, log, elsewhere) or before.sentences
    sections = list(brief.sections)
    sections[place] = Section(heading=heading, sentences=tuple(sentences))
    return replace(brief, sections=tuple(sections))


def _with_closing(
    brief: Brief,
    part: Literal["summary", "conclusion"],
    notes: Sequence[Note],
    writer: Writer,
    verifier: Verifier,
    log: RepairLog,
) -> Brief:
    body = [sentence for section in brief.sections for sentence in section.sentences]
    if not notes:
        return brief
    try:
        drafts = writer.closing(part, notes, body)
    except ReplyError as error:
        log.add(_kept_quotes(part, getattr(brief, part), error))
        return brief
    elsewhere = {same(s.text) for s in brief.summary} if part == "conclusion" else set()
    sentences = tuple(verified(drafts, verifier, part, log, elsewhere)) or getattr(brief, part)
    return replace(brief, summary=sentences) if part == "summary" else replace(brief, conclusion=sentences)


def _kept_quotes(where: str, sentences: Sequence[Sentence], error: ReplyError) -> Repair:
    quotes = " ".join(sentence.text for sentence in sentences)
    return Repair(where=where, rung="quote", before="", after=quotes, why=f"no usable reply: {error}")


def _quote(note: Note) -> Quote:
    return Quote(chunk_id=note.chunk.id, start=note.start, end=note.end, text=note.chunk.text[note.start : note.end])
