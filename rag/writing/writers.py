"""Two ways to turn a planned section into sentences, by what the model can do.

A small model fuses notes and names sections, one small step at a time; a fused sentence cites the chunks of
the notes it was made from: *provenance, not choice*. A large model gets the passages and writes the section in
one call; its citations are an enum of the evidence shown to it. Neither is believed: ``rag/writing/compose.py`` verifies
what they return. Aliases (``E1`` …, ``S1`` …) are made and resolved here and never leave this file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model

from rag.errors import ReplyError, TooLong
from rag.llm.prompts import Prompt
from rag.text.sentences import split
from rag.types import Chunk, Sentence
from rag.writing.evidence import EvidenceSentence
from rag.writing.merge import restored, strays, unnamed
from rag.writing.outline import OutlineSection

if TYPE_CHECKING:
    from rag.llm import ChatModel

ReplyT = TypeVar("ReplyT", bound=BaseModel)

Closing = Literal["summary", "conclusion"]

ADJACENT = 40
"""Characters between two notes that may be fused, room for a "However,": one sentence for what another one parts would
make a story of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A sentence as a writer returns it, not yet verified, and the chunks that it cites.

    ``notes`` are what it was made from, or the nearest to it: they are quoted should it fail.
    ``fault`` is what its writer already found wrong with it. ``provenance``: made of the notes and nothing else, so
    that its citations are known, and not the model's choice.
    """

    text: str
    chunks: tuple[Chunk, ...]
    notes: tuple[EvidenceSentence, ...]
    fault: str | None = None
    provenance: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSection:
    """A written section; ``heading`` None leaves the plan's, which ``fault`` explains."""

    heading: str | None
    drafts: tuple[Draft, ...]
    fault: str | None = None


class Writer(Protocol):
    """What the composer needs of a writer. Each method raises ``ModelError`` where the model fails it."""

    def section(self, planned: OutlineSection, others: Sequence[str]) -> DraftSection:
        """The section's heading and sentences; ``others`` are the other sections' headings."""
        ...

    def closing(self, part: Closing, notes: Sequence[EvidenceSentence], body: Sequence[Sentence]) -> list[Draft]:
        """The summary or conclusion, from what the sections say: ``notes`` picked for it, all ``body`` sentences."""
        ...

    def rewrite(self, draft: Draft, fault: str) -> Draft | None:
        """``draft`` in words that its evidence supports, once ``fault`` is known; None if the model gives none."""
        ...


def verbatim(note: EvidenceSentence) -> Draft:
    """A note as it stands."""
    return Draft(text=note.text, chunks=(note.chunk,), notes=(note,))


class _Fused(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


class _Named(BaseModel):
    model_config = ConfigDict(extra="forbid")
    heading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallWriter:
    """Fuses notes two by two and names sections."""

    model: ChatModel
    fuse: Prompt
    heading: Prompt
    mend: Prompt

    TOGETHER = 64
    """Two notes of more words than this stay apart: their fusion would be too long to read or check."""

    def section(self, planned: OutlineSection, others: Sequence[str]) -> DraftSection:
        """See :class:`Writer`."""
        drafts = [draft for pair in pairs(planned.notes, self.TOGETHER) for draft in self._fused(pair)]
        heading, fault = self._named(planned, others)
        return DraftSection(heading=heading, drafts=tuple(drafts), fault=fault)

    def closing(self, part: Closing, notes: Sequence[EvidenceSentence], body: Sequence[Sentence]) -> list[Draft]:
        """See :class:`Writer`."""
        return [draft for pair in pairs(notes, self.TOGETHER) for draft in self._fused(pair)]

    def rewrite(self, draft: Draft, fault: str) -> Draft | None:
        """See :class:`Writer`. The rewritten sentence has to keep to the notes as a fused one has."""
        texts = [note.text for note in draft.notes]
        written = rewritten(self.model, self.mend, draft, fault, "\n".join(texts))
        return replace(written, fault=strays(texts, written.text)) if written else None

    def _fused(self, notes: tuple[EvidenceSentence, ...]) -> list[Draft]:
        if len(notes) == 1:
            return [verbatim(notes[0])]
        numbered = "\n".join(f"Note {n}: {note.text}" for n, note in enumerate(notes, 1))
        chunks = tuple({note.chunk.id: note.chunk for note in notes}.values())
        reply = ask(self.model, self.fuse, _Fused, max_tokens=140, notes=numbered)
        texts = [note.text for note in notes]
        sentences = sentences_of(restored(reply.sentence, texts, [chunk.text for chunk in chunks]))
        if len(sentences) != 1:  # the model kept them apart, and so do we
            return [verbatim(note) for note in notes]
        return [
            Draft(text=sentences[0], chunks=chunks, notes=notes, fault=strays(texts, sentences[0]), provenance=True)
        ]

    def _named(self, planned: OutlineSection, others: Sequence[str]) -> tuple[str | None, str | None]:
        statements = "\n".join(note.text for note in planned.notes)
        heading = ask(self.model, self.heading, _Named, max_tokens=32, statements=statements).heading.strip(" .\"'“”")
        fault = unnamed(heading, [f"{note.chunk.context} {note.text}" for note in planned.notes], others)
        return (None, f"{heading!r} {fault}") if fault else (heading, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWriter:
    """Writes a section a call from its passages, under a schema."""

    model: ChatModel
    question: str
    write: Prompt
    sum_up: Prompt
    mend: Prompt
    evidence: Mapping[str, Chunk]
    """All retrieved passages by id: a sentence of the summary inherits those of the sections, which may have been
    put on any of them."""

    def section(self, planned: OutlineSection, others: Sequence[str]) -> DraftSection:
        """See :class:`Writer`."""
        chunks = {
            f"E{n}": chunk for n, chunk in enumerate({note.chunk.id: note.chunk for note in planned.notes}.values(), 1)
        }
        reply = ask(
            self.model,
            self.write,
            _section_schema(tuple(chunks)),
            max_tokens=1200,
            question=self.question,
            subject=planned.heading,
            others="; ".join(others) or "none",
            passages="\n\n".join(f"{alias} [{chunk.context}]\n{chunk.text}" for alias, chunk in chunks.items()),
        )
        drafts = [
            Draft(
                text=text,
                chunks=cited,
                notes=tuple(note for note in planned.notes if note.chunk in cited) or planned.notes,
            )
            for item in reply.sentences
            for cited in [tuple(chunks[alias] for alias in dict.fromkeys(item.citations))]
            for text in sentences_of(item.text)
        ]
        fault = unnamed(reply.heading, [f"{note.chunk.context} {note.chunk.text}" for note in planned.notes], others)
        return DraftSection(heading=None if fault else reply.heading, drafts=tuple(drafts), fault=fault)

    def closing(self, part: Closing, notes: Sequence[EvidenceSentence], body: Sequence[Sentence]) -> list[Draft]:
        """See :class:`Writer`. A sentence inherits the citations of the body sentences that it is made from."""
        numbered = {f"S{n}": sentence for n, sentence in enumerate(body, 1)}
        task = {
            "summary": "Write the executive summary: two or three sentences that answer the question.",
            "conclusion": "Write the conclusion: one or two sentences on what the record establishes and leaves open.",
        }[part]
        reply = ask(
            self.model,
            self.sum_up,
            _summary_schema(tuple(numbered)),
            max_tokens=600,
            question=self.question,
            sentences="\n".join(f"{alias}: {sentence.text}" for alias, sentence in numbered.items()),
            task=task,
        )
        drafts = []
        for item in reply.sentences:
            cited = dict.fromkeys(cited for alias in item.sources for cited in numbered[alias].citations)
            drafts += [
                Draft(text=text, chunks=tuple(self.evidence[i] for i in cited), notes=())
                for text in sentences_of(item.text)
            ]
        return drafts

    def rewrite(self, draft: Draft, fault: str) -> Draft | None:
        """See :class:`Writer`."""
        evidence = "\n\n".join(f"[{chunk.context}]\n{chunk.text}" for chunk in draft.chunks)
        return rewritten(self.model, self.mend, draft, fault, evidence)


def rewritten(model: ChatModel, prompt: Prompt, draft: Draft, fault: str, evidence: str) -> Draft | None:
    """``draft`` as the model words it anew, on the same chunks; None where it gives no sentence, or more than one."""
    reply = ask(model, prompt, _Fused, max_tokens=140, evidence=evidence, sentence=draft.text, fault=fault)
    sentences = sentences_of(reply.sentence)
    return replace(draft, text=sentences[0], fault=None) if len(sentences) == 1 else None


def ask(model: ChatModel, prompt: Prompt, schema: type[ReplyT], *, max_tokens: int, **values: str) -> ReplyT:
    """The model's reply; one that breaks the schema gets one retry, which carries the error.

    Raises:
        ReplyError: the second reply broke it too.
        TooLong: the request does not fit the model's context; it is not asked again, longer still.
        ModelError: the model could not be reached.
    """
    system, user = prompt.render(**values)
    try:
        return model.ask(system, user, schema, max_tokens=max_tokens, name=prompt.name)
    except TooLong:
        raise
    except ReplyError as error:
        again = f"{user}\n\nYour last reply could not be used: {error}. Reply again, with JSON that follows the schema."
        return model.ask(system, again, schema, max_tokens=2 * max_tokens, name=prompt.name)


def pairs(notes: Sequence[EvidenceSentence], together: int) -> list[tuple[EvidenceSentence, ...]]:
    """``notes`` in order, two by two where one follows the other at once and they have at most ``together`` words.

    Notes from different places tell different stories: one sentence for both would suggest that they belong together.
    What stands in quotation marks as a whole stays as it is.
    """
    found: list[tuple[EvidenceSentence, ...]] = []
    for note in notes:
        last = found[-1] if found else ()
        if (
            len(last) == 1
            and last[0].chunk.document_id == note.chunk.document_id
            and 0 <= note.chunk.start + note.start - last[0].chunk.start - last[0].end <= ADJACENT
            and len(last[0].text.split()) + len(note.text.split()) <= together
            and not any(text.startswith("“") and text.endswith("”") for text in (last[0].text, note.text))
        ):
            found[-1] = (*last, note)
        else:
            found.append((note,))
    return found


_MARKER = re.compile(
    r"\s*(?:\[(?:[ES]?\d+)(?:(?:\s*[,;–-]\s*|\s+and\s+)[ES]?\d+)*\]|\([ES]\d+(?:(?:\s*[,;–-]\s*|\s+and\s+)[ES]\d+)*\))"
)
"""Citation marks. A number alone in round brackets is none: it may be a year."""


def sentences_of(text: str) -> list[str]:
    """The sentences of one item of a reply, without citation marks: an item that holds two is split,
    each to be cited and verified on its own. A piece without its full stop was cut off, and is left out."""
    plain = _MARKER.sub("", text)
    found = [" ".join(plain[start:end].split()) for start, end in split(plain)]
    return [sentence for sentence in found if re.search(r"[.!?][\"”’')\]]*$", sentence)]


def _section_schema(aliases: tuple[str, ...]) -> Any:
    """The schema of a written section, in which a citation can be nothing but one of ``aliases``."""
    item = _model("Item", text=(str, ...), citations=(_some(Literal[aliases], 4), ...))
    return _model("WrittenSection", heading=(str, ...), sentences=(_some(item, 6), ...))


def _summary_schema(aliases: tuple[str, ...]) -> Any:
    """The schema of a written summary, whose sentences say from which of the sentences ``aliases`` they are made."""
    sources = Field(min_length=1, max_length=3, alias="from")
    item = _model("Item", text=(str, ...), sources=(Annotated[list[Literal[aliases]], sources], ...))  # type: ignore[valid-type]
    return _model("WrittenPassage", sentences=(_some(item, 3), ...))


def _model(name: str, **fields: Any) -> Any:
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _some(kind: Any, most: int) -> Any:
    """A list of one to ``most`` items."""
    return Annotated[list[kind], Field(min_length=1, max_length=most)]
