"""The writer for a large model: a section a call, from the section's chunks, under a schema.

The model sees aliases for chunks (``E1`` …) and sentences (``S1`` …); the schema lets it cite nothing else. Aliases are
made and resolved in this module and occur nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from rag.llm.prompts import Prompt
from rag.types import Chunk, Sentence
from rag.writing.drafts import ClosingPart, Draft, DraftSection
from rag.writing.evidence import EvidenceSentence
from rag.writing.headings import heading_fault
from rag.writing.model_calls import ask_for_rewrite, ask_with_retry, clean_sentences
from rag.writing.outline import OutlineSection

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

MAX_SECTION_TOKENS, MAX_CLOSING_TOKENS = 1200, 600
"""Length limits of the replies."""

TASKS: Mapping[ClosingPart, str] = {
    "summary": "Write the executive summary: two or three sentences that answer the question.",
    "conclusion": "Write the conclusion: one or two sentences on what the record establishes and leaves open.",
}
"""What the summary prompt asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWriter:
    """A :class:`rag.writing.drafts.Writer` that lets the model write whole sections.

    ``evidence`` has all retrieved chunks by id: a summary sentence inherits the citations of section sentences, and
    repairing may have put these on any retrieved chunk.
    """

    model: ChatModel
    question: str
    section_prompt: Prompt
    summary_prompt: Prompt
    rewrite_prompt: Prompt
    evidence: Mapping[str, Chunk]

    def section(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftSection:
        """See :class:`rag.writing.drafts.Writer`."""
        shown = {sentence.chunk.id: sentence.chunk for sentence in section.evidence}
        chunks = {f"E{n}": chunk for n, chunk in enumerate(shown.values(), 1)}
        reply = ask_with_retry(
            self.model,
            self.section_prompt,
            _section_schema(tuple(chunks)),
            max_tokens=MAX_SECTION_TOKENS,
            question=self.question,
            subject=section.heading,
            others="; ".join(other_headings) or "none",
            passages="\n\n".join(f"{alias} [{chunk.context}]\n{chunk.text}" for alias, chunk in chunks.items()),
        )
        drafts = []
        for item in reply.sentences:
            cited = tuple(chunks[alias] for alias in dict.fromkeys(item.citations))
            evidence = tuple(each for each in section.evidence if each.chunk in cited) or section.evidence
            drafts += [Draft(text=text, chunks=cited, evidence=evidence) for text in clean_sentences(item.text)]
        in_context = [f"{sentence.chunk.context} {sentence.chunk.text}" for sentence in section.evidence]
        fault = heading_fault(reply.heading, in_context, other_headings)
        return DraftSection(heading=None if fault else reply.heading, drafts=tuple(drafts), fault=fault)

    def closing(self, part: ClosingPart, evidence: Sequence[EvidenceSentence], body: Sequence[Sentence]) -> list[Draft]:
        """See :class:`rag.writing.drafts.Writer`. A sentence inherits the citations of the ``body`` sentences."""
        numbered = {f"S{n}": sentence for n, sentence in enumerate(body, 1)}
        reply = ask_with_retry(
            self.model,
            self.summary_prompt,
            _closing_schema(tuple(numbered)),
            max_tokens=MAX_CLOSING_TOKENS,
            question=self.question,
            sentences="\n".join(f"{alias}: {sentence.text}" for alias, sentence in numbered.items()),
            task=TASKS[part],
        )
        drafts = []
        for item in reply.sentences:
            cited = dict.fromkeys(cited for alias in item.sources for cited in numbered[alias].citations)
            chunks = tuple(self.evidence[chunk_id] for chunk_id in cited)
            drafts += [Draft(text=text, chunks=chunks, evidence=()) for text in clean_sentences(item.text)]
        return drafts

    def rewrite(self, draft: Draft, fault: str) -> Draft | None:
        """See :class:`rag.writing.drafts.Writer`."""
        evidence = "\n\n".join(f"[{chunk.context}]\n{chunk.text}" for chunk in draft.chunks)
        return ask_for_rewrite(self.model, self.rewrite_prompt, draft, fault, evidence)


def _section_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a section, in which a citation can only be one of ``aliases``."""
    item = _schema("Item", text=(str, ...), citations=(_list_of(Literal[aliases], 4), ...))
    return _schema("WrittenSection", heading=(str, ...), sentences=(_list_of(item, 6), ...))


def _closing_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a summary or conclusion, in which a sentence is made from sentences in ``aliases``."""
    sources = Field(min_length=1, max_length=3, alias="from")
    item = _schema("Item", text=(str, ...), sources=(Annotated[list[Literal[aliases]], sources], ...))  # type: ignore[valid-type]
    return _schema("WrittenPassage", sentences=(_list_of(item, 3), ...))


def _schema(name: str, **fields: Any) -> Any:
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _list_of(kind: Any, most: int) -> Any:
    """Return the type of a list of one to ``most`` items."""
    return Annotated[list[kind], Field(min_length=1, max_length=most)]
