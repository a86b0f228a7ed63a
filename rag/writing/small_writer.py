"""The writer for a small model: it answers the question and names the theme of each section, whose evidence is quoted.

A model of 1.5 billion parameters joins notes wrongly. Of 60 sections of two collections held out, which it wrote after
it was trained on 1,196 sections written by hand, every sentence was true in 17, and in 41 without the training. Of 90
sentences of seven briefs on seven collections none is in its words: the check of what they add to their notes had left
none, and they took half of the time. So it is not asked for them. The summary is a call of its own
(``rag/writing/small_summary.py``), the conclusion is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.embedding import count_tokens
from rag.llm import PROSE_RATIO
from rag.llm.prompts import Prompt, load_prompt
from rag.text import content_stems
from rag.types import Hit
from rag.verify import Verifier
from rag.writing.drafts import Draft, DraftHeading
from rag.writing.evidence import EvidenceSentence
from rag.writing.evidence_budget import fit_evidence
from rag.writing.headings import clean_heading, heading_fault
from rag.writing.outline import OutlineSection
from rag.writing.reply_schemas import strict_schema
from rag.writing.sentence_blocks import blocks_of
from rag.writing.small_prompts import HEADING_PROMPT, SUMMARY_PROMPT, numbered_sources
from rag.writing.small_summary import PASSAGE_TOKENS, SummaryWriter

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

MAX_HEADING_TOKENS = 60
"""Length limit of a reply."""

MAX_SOURCES = 8
"""Most notes of a section that the model reads for its heading; few sections have more."""

MAX_SHARED_HEADING = 0.75
"""Share of the content words of the shorter of two headings from which they name one theme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallWriter:
    """A :class:`rag.writing.drafts.Writer` that gives the model little to read and a narrow schema."""

    model: ChatModel
    question: str
    heading_prompt: Prompt
    summary_writer: SummaryWriter

    def summary(self) -> tuple[Draft, ...]:
        """See :class:`rag.writing.drafts.Writer`. From whole passages, see ``rag/writing/small_summary.py``."""
        return self.summary_writer.drafts()

    def heading(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftHeading:
        """See :class:`rag.writing.drafts.Writer`."""
        sources = _strongest(section.evidence)
        if len(sources) == 1:  # no theme beyond the heading of the document
            return DraftHeading(text=None)
        system, user = self.heading_prompt.render(question=self.question, notes=numbered_sources(map(_source, sources)))
        reply: Any = self.model.ask(
            system, user, heading_schema(), max_tokens=MAX_HEADING_TOKENS, name=self.heading_prompt.name
        )
        passages = [f"{source.chunk.context}\n{source.chunk.text}" for source in sources]
        heading = clean_heading(reply.heading, passages)
        fault = heading_fault(heading, [self.question, *passages], other_headings)
        if fault := fault or heading_repeats(heading, self.question, other_headings):
            return DraftHeading(text=None, fault=f"{heading!r} {fault}")
        return DraftHeading(text=heading)


def small_writer(model: ChatModel, question: str, hits: Sequence[Hit], verifier: Verifier) -> SmallWriter:
    """Return the writer for a small ``model``, with its prompts and the first of ``hits`` for the summary."""
    passages = fit_evidence(hits, PASSAGE_TOKENS, lambda chunk: PROSE_RATIO * count_tokens(chunk.text))
    summary_writer = SummaryWriter(
        model=model,
        question=question,
        prompt=load_prompt(SUMMARY_PROMPT),
        passages=tuple(hit.chunk for hit in passages),
        verifier=verifier,
    )
    return SmallWriter(
        model=model, question=question, heading_prompt=load_prompt(HEADING_PROMPT), summary_writer=summary_writer
    )


def heading_schema() -> Any:
    """Return the schema of a reply that is the heading of a section."""
    return strict_schema("SectionHeading", heading=(str, ...))


def heading_repeats(heading: str, question: str, others: Sequence[str]) -> str | None:
    """Return what ``heading`` repeats, the question or most words of another heading, or None."""
    stems, of_question, *known = (content_stems(text.replace("-", " ")) for text in (heading, question, *others))
    if stems <= of_question:
        return "only repeats the question"
    for other, words in zip(others, known, strict=True):
        if words and len(stems & words) >= MAX_SHARED_HEADING * min(len(stems), len(words)):
            return f"says the same as the heading of another section: {other!r}"
    return None


def _strongest(evidence: tuple[EvidenceSentence, ...]) -> tuple[EvidenceSentence, ...]:
    """Return the most relevant blocks of ``evidence``, at most :data:`MAX_SOURCES` sentences, in their order."""
    kept: set[EvidenceSentence] = set()
    for block in sorted(blocks_of(evidence), key=lambda block: -max(each.relevance for each in block)):
        if not kept or len(kept) + len(block) <= MAX_SOURCES:
            kept.update(block)
    return tuple(each for each in evidence if each in kept)


def _source(sentence: EvidenceSentence) -> tuple[str, str, str]:
    """Return the title, the innermost heading and the words of ``sentence``.

    Quotation marks around the whole of it, which tell a reader that "we" are its authors, are left out: the title tells
    the model.
    """
    chunk, text = sentence.chunk, sentence.text
    if text.startswith("“") and text.endswith("”"):
        text = text[1:-1]
    return chunk.title, chunk.heading_path[-1] if chunk.heading_path else "", text
