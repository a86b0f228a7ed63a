"""Compose a brief from an outline: quote it, write its summary and headings, verify and repair what was written.

The outline with its evidence sentences quoted is already a brief in which every sentence is supported. Writing replaces
it part by part, so that a verified brief exists at any moment: an interruption returns that brief, and a part whose
writing fails stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rag.errors import Interrupted, ModelError, ReplyError
from rag.progress import OnProgress, Step
from rag.retrieval import ScoreAnswers
from rag.types import HEADING_REPAIR, UNUSABLE_REPLY, Brief, Chunk, Disagreement, Hit, Repair, Section, Sentence, Trace
from rag.verify import Verifier
from rag.writing.closing import DividedEvidence, divide_beside_summary, divide_evidence
from rag.writing.drafts import Writer
from rag.writing.evidence import EvidenceSentence
from rag.writing.headings import taken_heading_fault
from rag.writing.outline import Outline, OutlineSection
from rag.writing.rating import Embed
from rag.writing.repair import RepairPolicy
from rag.writing.sentence_blocks import blocks_of
from rag.writing.summary_choice import best_summary


def insufficient_brief(question: str, hits: Sequence[Hit], trace: Trace, gaps: Sequence[str]) -> Brief:
    """Return the brief that says that the corpus does not answer the question, with the nearest hits."""
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


def quoted_brief(question: str, hits: Sequence[Hit], outline: Outline, trace: Trace, gaps: Sequence[str] = ()) -> Brief:
    """Return the brief that quotes the evidence of ``outline``.

    It is the answer of ``extractive``, and what the answer of a model starts from.
    """
    divided = divide_evidence(outline)
    return Brief(
        question=question,
        status="answered",
        summary=_quoted(divided.summary),
        sections=_quoted_sections(divided),
        conclusion=_quoted(divided.conclusion),
        evidence=tuple(hits),
        trace=trace,
        disagreements=tuple(
            Disagreement(about=conflict.about, sides=(conflict.stating.as_sentence(), conflict.disputing.as_sentence()))
            for conflict in outline.conflicts
        ),
        gaps=tuple(gaps),
    )


def compose(
    question: str,
    hits: Sequence[Hit],
    outline: Outline,
    writer: Writer,
    verifier: Verifier,
    *,
    score_answers: ScoreAnswers,
    embed: Embed,
    trace: Trace,
    gaps: Sequence[str] = (),
    on_progress: OnProgress = lambda _: None,
) -> Brief:
    """Return the brief that ``writer`` makes of ``outline``.

    Each sentence of its summary is verified, and replaced by evidence if it fails. The summary is written first, then
    the heading of one section after another; all else is quoted. ``score_answers`` and ``embed`` rate the sentences of
    the written and the quoted summary, of which the best ones are printed. For a large model see
    ``rag/writing/large_composition.py``.

    Raises:
        Interrupted: the model was lost or the user stopped it; carries the brief so far.
    """
    composition = _Composition(
        brief=quoted_brief(question, hits, outline, trace, gaps),
        outline=outline,
        score_answers=score_answers,
        embed=embed,
        writer=writer,
        policy=RepairPolicy(verifier=verifier, evidence=[hit.chunk for hit in hits]),
        on_progress=on_progress,
    )
    try:
        composition.write()
    except (ModelError, KeyboardInterrupt) as error:
        why = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
        part = composition.current_part
        raise Interrupted(f"while writing {part!r}: {why}", draft=composition.brief_so_far(), doing=part) from error
    return composition.brief_so_far()


@dataclass(slots=True, kw_only=True)
class _Composition:
    """A brief that is being written: ``brief`` is verified at any moment, ``current_part`` is written next."""

    brief: Brief
    outline: Outline
    writer: Writer
    policy: RepairPolicy
    score_answers: ScoreAnswers
    embed: Embed
    on_progress: OnProgress
    current_part: str = "draft"
    parts_done: int = 0

    def write(self) -> None:
        """Replace the quotes of the summary by what the writer makes of them, and the heading of each section."""
        self._report("draft", self.brief)
        with self._part("summary"):
            sections = self._replace_summary()
        for place, section in enumerate(sections):
            with self._part(section.heading):
                self._replace_heading(place, section)

    def brief_so_far(self) -> Brief:
        """Return the brief with the log of its repairs."""
        return replace(self.brief, trace=replace(self.brief.trace, repairs=self.policy.log))

    def _replace_summary(self) -> tuple[OutlineSection, ...]:
        """Replace the summary, and the rest of the brief by quotes of what it does not say; return the sections."""
        divided, logged = divide_evidence(self.outline), len(self.policy.log)
        try:
            drafts = self.writer.summary()
        except ReplyError as error:
            self.policy.record("summary", "quote", "", _text(self.brief.summary), f"{UNUSABLE_REPLY}: {error}")
            return divided.sections
        found: list[list[Sentence]] = []
        for draft in drafts:  # one by one: of several sentences that replace it none is printed alone
            printed = [sentence for block in found for sentence in block]
            drafts_of_one = [replace(draft, evidence=self._candidates(draft.chunks))]
            found.append(self.policy.verified_sentences(drafts_of_one, "summary", printed))
        if not any(found):
            return divided.sections
        chunks = {hit.chunk.id: hit.chunk for hit in self.brief.evidence}
        quoted = [_quoted(block) for block in blocks_of(divided.summary)]
        best = best_summary(self.brief.question, found, quoted, chunks, self.score_answers, self.embed)
        summary, divided = divide_beside_summary(self.outline, best)
        text = _text(summary)
        self.policy.log = (*self.policy.log[:logged], *(_as_printed(each, text) for each in self.policy.log[logged:]))
        self.brief = replace(
            self.brief, summary=summary, sections=_quoted_sections(divided), conclusion=_quoted(divided.conclusion)
        )
        return divided.sections

    def _candidates(self, chunks: Sequence[Chunk]) -> tuple[EvidenceSentence, ...]:
        return tuple(each for each in self.outline.candidates if each.chunk in chunks)

    def _headings(self, *, except_at: int) -> list[str]:
        return [section.heading for place, section in enumerate(self.brief.sections) if place != except_at]

    def _replace_heading(self, place: int, section: OutlineSection) -> None:
        try:
            draft = self.writer.heading(section, self._headings(except_at=place))
        except ReplyError as error:
            self.policy.record(HEADING_REPAIR, "quote", "", section.heading, f"{UNUSABLE_REPLY}: {error}")
            return
        heading, fault = draft.text, draft.fault
        if heading and (same := taken_heading_fault(heading, self._headings(except_at=place))):
            heading, fault = None, f"{heading!r} {same}"
        if fault:
            self.policy.record(HEADING_REPAIR, "quote", "", section.heading, fault)
        if heading:
            sections = list(self.brief.sections)
            sections[place] = replace(sections[place], heading=heading)
            self.brief = replace(self.brief, sections=tuple(sections))

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        """Report that the part ``name`` is being written and, after the block, that it is done."""
        self.current_part = name
        self._report(name)
        yield
        self.parts_done += 1
        self._report(name, self.brief)

    def _report(self, message: str, brief: Brief | None = None) -> None:
        total = len(self.brief.sections) + 1
        self.on_progress(Step(stage="write", message=message, done=self.parts_done, total=total, brief=brief))


def _quoted(evidence: Iterable[EvidenceSentence]) -> tuple[Sentence, ...]:
    return tuple(sentence.as_sentence() for sentence in evidence)


def _quoted_sections(divided: DividedEvidence) -> tuple[Section, ...]:
    return tuple(Section(heading=section.heading, sentences=_quoted(section.evidence)) for section in divided.sections)


def _as_printed(repair: Repair, text: str) -> Repair:
    """Return ``repair``; if its words are not in the printed ``text``, as one that printed nothing."""
    if repair.after in text:
        return repair
    return replace(repair, action="drop", after="", why=f"{repair.why}; other sentences answer better")


def _text(sentences: Sequence[Sentence]) -> str:
    return " ".join(sentence.text for sentence in sentences)
