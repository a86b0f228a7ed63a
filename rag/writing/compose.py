"""Question + hits → brief: plan, write, verify, repair.

The plan, set as quotes, is already a brief whose every sentence is true to its passage. Writing then replaces
it section by section, so that at any moment a verified brief stands: what an interruption leaves is that brief,
and what a failing section leaves is its quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from rag._internal.concurrency import start_all
from rag.errors import Interrupted, ModelError, ReplyError
from rag.progress import OnProgress, Step
from rag.types import Brief, Disagreement, Hit, Section, Sentence, Trace
from rag.verify.verifier import Verifier
from rag.writing.evidence import EvidenceSentence, speaks_of_known, with_limits
from rag.writing.merge import alike
from rag.writing.outline import Outline, OutlineSection
from rag.writing.repair import RepairPolicy, quoted, same
from rag.writing.writers import Closing, Draft, DraftSection, Writer

ReplyT = TypeVar("ReplyT")

CLOSINGS: tuple[Closing, Closing] = ("summary", "conclusion")
SUMMED_UP = 4
CONCLUDED = 2
SUMMED_UP_WITHIN = 0.3
"""A note that weighs this much less than the best one does not sum the answer up; nor end it, if there is another."""

LEAD = {False: 0.1, True: 0.4}
"""What it is worth there to be the best note of a section, without and with a broad question, which has no answer in
one sentence: a summary should hear several sections."""

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


def draft(question: str, hits: Sequence[Hit], plan: Outline, trace: Trace, gaps: Sequence[str] = ()) -> Brief:
    """The plan set as quotes: what ``extractive`` answers, and what every other model starts from."""
    summary, conclusion = closing_evidence(plan)
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
    plan: Outline,
    writer: Writer,
    verifier: Verifier,
    *,
    trace: Trace,
    gaps: Sequence[str] = (),
    overlap: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> Brief:
    """The brief that ``writer`` makes of ``plan``, each sentence verified and, where it fails, quoted instead.

    With ``overlap`` the writer, whose model then has to answer several calls at once, is asked for all sections at the
    same time, and then for summary and conclusion. What it writes is settled in the order of the brief all the same,
    so that the order in which replies come changes nothing.

    Raises:
        Interrupted: the model was lost, or the person stopped it; carries the brief as far as it was.
    """
    work = _Writing(
        brief=draft(question, hits, plan, trace, gaps),
        plan=plan,
        writer=writer,
        policy=RepairPolicy(verifier=verifier, evidence=[hit.chunk for hit in hits], rewrite=writer.rewrite),
        overlap=overlap,
        tell=on_progress,
    )
    try:
        work.write()
    except (ModelError, KeyboardInterrupt) as error:
        why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
        raise Interrupted(f"while writing {work.doing!r}: {why}", draft=work.so_far(), doing=work.doing) from error
    return work.so_far()


def closing_evidence(plan: Outline) -> tuple[list[EvidenceSentence], list[EvidenceSentence]]:
    """The notes that the summary and the conclusion are made of, all of them notes of the sections.

    The summary takes what weighs most, in the order of the brief; the conclusion the next best notes. What takes a note
    back in part, such as "it did not establish …", goes with it.
    """
    told = [note for planned in plan.sections for note in planned.notes]
    ranked = sorted(
        told, key=lambda note: _weight(note) + (LEAD[plan.broad] if note in plan.key_points else 0.0), reverse=True
    )
    near = [note for note in ranked if _weight(note) >= max(map(_weight, told)) - SUMMED_UP_WITHIN]
    best = near[: min(SUMMED_UP, max(1, len(near) - 1))]
    summed_up = {part for note in best for part in with_limits(note, told)}
    rest = [note for note in ranked if summed_up.isdisjoint(with_limits(note, told))]
    last = [note for note in rest if note in near][:CONCLUDED] or rest[:1]
    concluded = {part for note in last for part in with_limits(note, told)}
    return [note for note in told if note in summed_up], [note for note in told if note in concluded]


def _weight(note: EvidenceSentence) -> float:
    return note.relevance - (UNKNOWN if speaks_of_known(note) else 0.0)


@dataclass(slots=True, kw_only=True)
class _Writing:
    """A brief being written: at any moment ``brief`` stands, and ``doing`` names the part that comes next."""

    brief: Brief
    plan: Outline
    writer: Writer
    policy: RepairPolicy
    overlap: bool
    tell: OnProgress
    doing: str = "draft"
    done: int = 0

    def write(self) -> None:
        """Replace the quotes, part by part, by what the writer makes of them."""
        self._tell("draft", self.brief)
        planned_at = enumerate(self.plan.sections)
        replies = self._asked(self._section_call(place, planned) for place, planned in planned_at)
        for place, (planned, reply) in enumerate(zip(self.plan.sections, replies, strict=True)):
            with self._part(planned.heading):
                self._settle_section(place, planned, reply)
        body = [sentence for section in self.brief.sections for sentence in section.sentences]
        noted = zip(CLOSINGS, closing_evidence(self.plan), strict=True)
        closings = self._asked(self._closing_call(part, notes, body) for part, notes in noted)
        for part, drafts in zip(CLOSINGS, closings, strict=True):
            with self._part(part):
                self._settle_closing(part, body, drafts)

    def so_far(self) -> Brief:
        """The brief as it stands, with what was repaired."""
        return replace(self.brief, trace=replace(self.brief.trace, repairs=self.policy.log))

    def _asked(self, calls: Iterable[Callable[[], ReplyT]]) -> Iterable[Callable[[], ReplyT]]:
        """``calls`` as they are, to be made one by one; or their replies, all being waited for already."""
        return start_all(calls, isolated=ReplyError) if self.overlap else calls

    def _section_call(self, place: int, planned: OutlineSection) -> Callable[[], DraftSection]:
        return partial(self.writer.section, planned, self._headings(but=place))

    def _closing_call(
        self, part: Closing, notes: Sequence[EvidenceSentence], body: Sequence[Sentence]
    ) -> Callable[[], list[Draft]]:
        return partial(self.writer.closing, part, notes, body) if notes else list

    def _headings(self, *, but: int) -> list[str]:
        return [section.heading for i, section in enumerate(self.brief.sections) if i != but]

    def _settle_section(self, place: int, planned: OutlineSection, reply: Callable[[], DraftSection]) -> None:
        before = self.brief.sections[place]
        try:
            written = reply()
        except ReplyError as error:
            self.policy.note(planned.heading, "quote", "", _texts(before.sentences), f"no usable reply: {error}")
            return
        heading, fault = written.heading, written.fault
        # Sections that were named at the same time did not know of each other.
        if heading and (alike_to := alike(heading, self._headings(but=place))):
            heading, fault = None, f"{heading!r} {alike_to}"
        if fault:
            self.policy.note("heading", "quote", "", planned.heading, fault)
        heading = heading or planned.heading
        sections = list(self.brief.sections)
        elsewhere = {same(s.text) for i, section in enumerate(sections) if i != place for s in section.sentences}
        sentences = self.policy.settle(written.drafts, heading, elsewhere) or before.sentences
        sections[place] = Section(heading=heading, sentences=tuple(sentences))
        self.brief = replace(self.brief, sections=tuple(sections))

    def _settle_closing(self, part: Closing, body: Sequence[Sentence], reply: Callable[[], list[Draft]]) -> None:
        before: tuple[Sentence, ...] = getattr(self.brief, part)
        try:
            drafts = reply()
        except ReplyError as error:
            self.policy.note(part, "quote", "", _texts(before), f"no usable reply: {error}")
            return
        elsewhere = {same(s.text) for s in self.brief.summary} if part == "conclusion" else set()
        settled = self.policy.settle(drafts, part, elsewhere) or before
        sentences = self.policy.follow(settled, body, part, elsewhere)
        self.brief = (
            replace(self.brief, summary=sentences) if part == "summary" else replace(self.brief, conclusion=sentences)
        )

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        self.doing = name
        self._tell(name)
        yield
        self.done += 1
        self._tell(name, self.brief)

    def _tell(self, message: str, brief: Brief | None = None) -> None:
        total = len(self.plan.sections) + len(CLOSINGS)
        self.tell(Step(stage="write", message=message, done=self.done, total=total, brief=brief))


def _texts(sentences: Sequence[Sentence]) -> str:
    return " ".join(sentence.text for sentence in sentences)
