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
from rag.writing.drafts import ClosingPart, Draft, DraftSection, RefusedDraft
from rag.writing.evidence import EvidenceSentence
from rag.writing.headings import clean_heading, heading_fault
from rag.writing.model_calls import ask_with_retry, clean_sentences
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
    revise_prompt: Prompt
    evidence: Mapping[str, Chunk]

    def section(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftSection:
        """See :class:`rag.writing.drafts.Writer`."""
        chunks = _aliased_chunks(section)
        reply = ask_with_retry(
            self.model,
            self.section_prompt,
            _section_schema(tuple(chunks)),
            max_tokens=MAX_SECTION_TOKENS,
            question=self.question,
            subject=section.heading,
            others="; ".join(other_headings) or "none",
            passages=_passages(chunks),
        )
        drafts = [
            draft for item in reply.sentences for draft in _section_drafts(item.text, item.citations, chunks, section)
        ]
        heading = clean_heading(reply.heading, [f"{chunk.context}\n{chunk.text}" for chunk in chunks.values()])
        retrieved = [f"{chunk.context}\n{chunk.text}" for chunk in self.evidence.values()]
        fault = heading_fault(heading, [self.question, *retrieved], other_headings)
        if fault:
            return DraftSection(heading=None, drafts=tuple(drafts), fault=f"{heading!r} {fault}")
        return DraftSection(heading=heading, drafts=tuple(drafts))

    def closing(self, part: ClosingPart, evidence: Sequence[EvidenceSentence], body: Sequence[Sentence]) -> list[Draft]:
        """See :class:`rag.writing.drafts.Writer`. A sentence inherits the citations of the ``body`` sentences."""
        numbered = {f"S{n}": sentence for n, sentence in enumerate(body, 1)}
        reply = ask_with_retry(
            self.model,
            self.summary_prompt,
            _closing_schema(tuple(numbered)),
            max_tokens=MAX_CLOSING_TOKENS,
            question=self.question,
            sentences=_numbered(numbered),
            task=TASKS[part],
        )
        return [draft for item in reply.sentences for draft in self._closing_drafts(item.text, item.sources, numbered)]

    @property
    def max_rewrites(self) -> None:
        """See :class:`rag.writing.drafts.Writer`. All refused drafts of a part are revised in one call."""
        return

    def revise_section(self, refused: Sequence[RefusedDraft], section: OutlineSection) -> list[tuple[Draft, ...]]:
        """See :class:`rag.writing.drafts.Writer`."""
        chunks = _aliased_chunks(section)
        items = self._revise(refused, [each.draft.chunks for each in refused], chunks, _passages(chunks))
        return [tuple(_section_drafts(text, cited, chunks, section)) for text, cited in items]

    def revise_closing(self, refused: Sequence[RefusedDraft], body: Sequence[Sentence]) -> list[tuple[Draft, ...]]:
        """See :class:`rag.writing.drafts.Writer`."""
        numbered = {f"S{n}": sentence for n, sentence in enumerate(body, 1)}
        items = self._revise(refused, [each.draft.sources for each in refused], numbered, _numbered(numbered))
        return [tuple(self._closing_drafts(text, cited, numbered)) for text, cited in items]

    def _closing_drafts(self, text: str, cited: Sequence[str], numbered: Mapping[str, Sentence]) -> list[Draft]:
        """Return the drafts of one item, with the citations of the numbered sentences that it names."""
        sources = tuple(numbered[alias] for alias in dict.fromkeys(cited))
        ids = dict.fromkeys(chunk_id for sentence in sources for chunk_id in sentence.citations)
        chunks = tuple(self.evidence[chunk_id] for chunk_id in ids)
        return [Draft(text=each, chunks=chunks, evidence=(), sources=sources) for each in clean_sentences(text)]

    def _revise(
        self,
        refused: Sequence[RefusedDraft],
        cited: Sequence[Sequence[object]],
        aliased: Mapping[str, object],
        evidence: str,
    ) -> list[tuple[str, list[str]]]:
        """Ask for new wordings of all ``refused`` drafts in one call.

        Args:
            refused: the drafts.
            cited: what each of them cites, among the values of ``aliased``.
            aliased: what may be cited, by alias.
            evidence: the same as the prompt shows it.

        Returns:
            for each draft its new text and the aliases that this cites; an empty text if there is none.
        """
        entries = []
        for number, (each, own) in enumerate(zip(refused, cited, strict=True), 1):
            aliases = [alias for alias, value in aliased.items() if value in own]
            entries.append(f"{number}. {each.draft.text}\nCites: {', '.join(aliases)}\nFault: {each.fault}")
        reply = ask_with_retry(
            self.model,
            self.revise_prompt,
            _revision_schema(len(refused), tuple(aliased)),
            max_tokens=MAX_SECTION_TOKENS,
            question=self.question,
            evidence=evidence,
            refused="\n\n".join(entries),
        )
        revised = {item.number: (item.text, item.citations) for item in reply.sentences if item.citations}
        return [revised.get(number, ("", [])) for number in range(1, len(refused) + 1)]


def _aliased_chunks(section: OutlineSection) -> dict[str, Chunk]:
    """Return the chunks of the section's evidence by alias."""
    shown = {sentence.chunk.id: sentence.chunk for sentence in section.evidence}
    return {f"E{n}": chunk for n, chunk in enumerate(shown.values(), 1)}


def _passages(chunks: Mapping[str, Chunk]) -> str:
    return "\n\n".join(f"{alias} [{chunk.context}]\n{chunk.text}" for alias, chunk in chunks.items())


def _numbered(sentences: Mapping[str, Sentence]) -> str:
    return "\n".join(f"{alias}: {sentence.text}" for alias, sentence in sentences.items())


def _section_drafts(
    text: str, cited: Sequence[str], chunks: Mapping[str, Chunk], section: OutlineSection
) -> list[Draft]:
    """Return the drafts of one item of a reply, with the chunks that it cites."""
    own = tuple(chunks[alias] for alias in dict.fromkeys(cited))
    evidence = tuple(each for each in section.evidence if each.chunk in own) or section.evidence
    return [Draft(text=each, chunks=own, evidence=evidence) for each in clean_sentences(text)]


def _section_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a section, in which a citation can only be one of ``aliases``."""
    item = _schema("Item", text=(str, ...), citations=(_list_of(Literal[aliases], 4), ...))
    return _schema("WrittenSection", heading=(str, ...), sentences=(_list_of(item, 6), ...))


def _closing_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a summary or conclusion, in which a sentence is made from sentences in ``aliases``."""
    sources = Field(min_length=1, max_length=3, alias="from")
    item = _schema("Item", text=(str, ...), sources=(Annotated[list[Literal[aliases]], sources], ...))  # type: ignore[valid-type]
    return _schema("WrittenPassage", sentences=(_list_of(item, 3), ...))


def _revision_schema(count: int, aliases: tuple[str, ...]) -> Any:
    """Return the schema of ``count`` revised sentences; one without a text or citations is given up."""
    citations = Annotated[list[Literal[aliases]], Field(max_length=4)]  # type: ignore[valid-type]
    numbers = tuple(range(1, count + 1))
    item = _schema("Item", number=(Literal[numbers], ...), text=(str, ...), citations=(citations, ...))
    return _schema("RevisedSentences", sentences=(_list_of(item, count), ...))


def _schema(name: str, **fields: Any) -> Any:
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _list_of(kind: Any, most: int) -> Any:
    """Return the type of a list of one to ``most`` items."""
    return Annotated[list[kind], Field(min_length=1, max_length=most)]
