"""The writer for a small model: one call for each section, and one for summary and conclusion together.

A section is written from numbered notes, its evidence sentences; each sentence of the reply names the notes that it
rests on, and cites their chunks. Summary and conclusion are written from the sentences of the sections in the same way.
The prompts are those that the packaged model's adapter was trained on (``eval/training/writer``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from rag.errors import ReplyError
from rag.llm.prompts import Prompt
from rag.types import Chunk, Section, Sentence
from rag.writing.drafts import ClosingPart, Draft, DraftSection, RefusedDraft, quote_draft
from rag.writing.evidence import EvidenceSentence, qualifies
from rag.writing.headings import clean_heading, heading_fault
from rag.writing.model_calls import clean_sentences
from rag.writing.outline import OutlineSection
from rag.writing.small_prompts import numbered_notes, numbered_sentences

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

MAX_SECTION_TOKENS, MAX_CLOSING_TOKENS = 400, 500
"""Length limits of the replies: twice what the longest of the training examples take."""

MAX_NOTES = 8
"""Most notes of a section: as many as the training examples have."""

MAX_REWRITES = 4
"""Largest number of drafts of a brief that are written again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallWriter:
    """A :class:`rag.writing.drafts.Writer` that gives the model little to read and a narrow schema.

    ``chunks`` has all retrieved chunks by id: a sentence of the summary inherits the citations of section sentences.
    """

    model: ChatModel
    question: str
    section_prompt: Prompt
    closing_prompt: Prompt
    chunks: Mapping[str, Chunk]
    _closing: dict[tuple[Section, ...], dict[ClosingPart, list[Draft]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """The drafts of summary and conclusion by the sections that they were written from."""

    def section(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftSection:
        """See :class:`rag.writing.drafts.Writer`."""
        notes = _strongest(section.evidence)
        reply = self._ask_section(notes)
        drafts = _with_qualifications(
            [draft for item in reply.sentences for draft in _section_drafts(item, notes)], notes
        )
        passages = [f"{note.chunk.context}\n{note.chunk.text}" for note in notes]
        heading = clean_heading(reply.heading, passages)
        if fault := heading_fault(heading, [self.question, *passages], other_headings):
            return DraftSection(heading=None, drafts=drafts, fault=f"{heading!r} {fault}")
        return DraftSection(heading=heading, drafts=drafts)

    def closing(
        self, part: ClosingPart, evidence: Sequence[EvidenceSentence], sections: Sequence[Section]
    ) -> list[Draft]:
        """See :class:`rag.writing.drafts.Writer`. One call gives both parts."""
        written_from = tuple(sections)
        if written_from not in self._closing:
            self._closing[written_from] = self._written_closing(written_from)
        return self._closing[written_from][part]

    @property
    def max_rewrites(self) -> int:
        """See :class:`rag.writing.drafts.Writer`. A call takes this model seconds."""
        return MAX_REWRITES

    def revise_section(self, refused: Sequence[RefusedDraft], section: OutlineSection) -> list[tuple[Draft, ...]]:
        """See :class:`rag.writing.drafts.Writer`. Writes each draft again from its own notes alone, a call each."""
        return [self._rewritten(each.draft, section) for each in refused]

    def revise_closing(self, refused: Sequence[RefusedDraft], body: Sequence[Sentence]) -> list[tuple[Draft, ...]]:
        """See :class:`rag.writing.drafts.Writer`. What the sections do not say is not tried again."""
        return [() for _ in refused]

    def _rewritten(self, draft: Draft, section: OutlineSection) -> tuple[Draft, ...]:
        if draft.evidence == _strongest(section.evidence):
            return ()  # the reply would be the same
        try:
            reply = self._ask_section(draft.evidence)
        except ReplyError:
            return ()
        return tuple(new for item in reply.sentences[:1] for new in _section_drafts(item, draft.evidence))

    def _ask_section(self, notes: Sequence[EvidenceSentence]) -> Any:
        system, user = self.section_prompt.render(question=self.question, notes=numbered_notes(map(_note, notes)))
        schema = section_schema(len(notes))
        return self.model.ask(system, user, schema, max_tokens=MAX_SECTION_TOKENS, name=self.section_prompt.name)

    def _written_closing(self, sections: Sequence[Section]) -> dict[ClosingPart, list[Draft]]:
        body = [sentence for section in sections for sentence in section.sentences]
        numbered = numbered_sentences(
            (section.heading, [sentence.text for sentence in section.sentences]) for section in sections
        )
        system, user = self.closing_prompt.render(question=self.question, sentences=numbered)
        schema = closing_schema(len(body))
        reply = self.model.ask(system, user, schema, max_tokens=MAX_CLOSING_TOKENS, name=self.closing_prompt.name)
        return {
            part: [draft for item in items for draft in self._closing_drafts(item, body)]
            for part, items in (("summary", reply.summary), ("conclusion", reply.conclusion))
        }

    def _closing_drafts(self, item: Any, body: Sequence[Sentence]) -> list[Draft]:
        """Return the drafts of one item, with the citations of the sentences that it names."""
        sources = tuple(body[number - 1] for number in dict.fromkeys(item.sources))
        ids = dict.fromkeys(chunk_id for sentence in sources for chunk_id in sentence.citations)
        chunks = tuple(self.chunks[chunk_id] for chunk_id in ids)
        return [Draft(text=text, chunks=chunks, evidence=(), sources=sources) for text in clean_sentences(item.text)]


def section_schema(notes: int) -> Any:
    """Return the schema of a section's reply, whose sentences rest on notes with the numbers 1 to ``notes``."""
    item = _schema("Item", notes=(_numbers(notes), ...), text=(str, ...))
    return _schema("WrittenSection", heading=(str, ...), sentences=(_list_of(item, 4), ...))


def closing_schema(sentences: int) -> Any:
    """Return the schema of summary and conclusion, whose sentences rest on those numbered 1 to ``sentences``."""
    item = _schema("Item", sources=(Annotated[_numbers(sentences), Field(alias="from")], ...), text=(str, ...))
    return _schema("WrittenClosing", summary=(_list_of(item, 4), ...), conclusion=(_list_of(item, 2), ...))


def _strongest(evidence: tuple[EvidenceSentence, ...]) -> tuple[EvidenceSentence, ...]:
    """Return at most :data:`MAX_NOTES` of ``evidence``, the most relevant ones, in their order."""
    kept = sorted(range(len(evidence)), key=lambda place: -evidence[place].relevance)[:MAX_NOTES]
    return tuple(evidence[place] for place in sorted(kept))


def _note(sentence: EvidenceSentence) -> tuple[str, str, str]:
    """Return the title, the innermost heading and the words of ``sentence``.

    Quotation marks around the whole of it, which tell a reader that "we" are its authors, are left out: the title tells
    the model.
    """
    chunk, text = sentence.chunk, sentence.text
    if text.startswith("“") and text.endswith("”"):
        text = text[1:-1]
    return chunk.title, chunk.heading_path[-1] if chunk.heading_path else "", text


def _with_qualifications(drafts: list[Draft], notes: Sequence[EvidenceSentence]) -> tuple[Draft, ...]:
    """Return ``drafts``, and as quotes the notes that partly take back one that they use and are used by none."""
    used = {note for draft in drafts for note in draft.evidence}
    left_out = [note for note in notes if note not in used and any(qualifies(note, other) for other in used)]
    return (*drafts, *map(quote_draft, left_out))


def _section_drafts(item: Any, notes: Sequence[EvidenceSentence]) -> list[Draft]:
    """Return the drafts of one item of a reply, which cite the chunks of the notes that it names."""
    evidence = tuple(notes[number - 1] for number in sorted(set(item.notes)))
    chunks = tuple({note.chunk.id: note.chunk for note in evidence}.values())
    return [Draft(text=text, chunks=chunks, evidence=evidence, merged=True) for text in clean_sentences(item.text)]


def _numbers(most: int) -> Any:
    """Return the type of a list of numbers from 1 to ``most``."""
    return _list_of(Literal[tuple(range(1, most + 1))], most)


def _schema(name: str, **fields: Any) -> Any:
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _list_of(kind: Any, most: int) -> Any:
    """Return the type of a list of one to ``most`` items."""
    return Annotated[list[kind], Field(min_length=1, max_length=most)]
