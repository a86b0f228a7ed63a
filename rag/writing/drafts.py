"""What a writer returns, before it is verified, and the interface of a writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rag.text import content_stems
from rag.types import Chunk, Sentence
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import OutlineSection

MAX_QUOTE_WORDS = 60
"""Words of a quotation that a request for summary and conclusion shows at the most."""

ClosingPart = Literal["summary", "conclusion"]
"""A part of a brief that is written after its sections."""

CLOSING_PARTS: tuple[ClosingPart, ClosingPart] = ("summary", "conclusion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A sentence as a writer returns it, not yet verified, and the chunks that it cites.

    ``evidence`` are the sentences that it was made from, or those of its chunks: they are quoted if it fails.
    ``fault`` is what is wrong with it before it is verified. ``merged`` is set where the sentence was made from
    ``evidence`` and nothing else: its citations are then known, and not chosen by the model. ``sources`` are the
    sentences of the sections that a sentence of the summary or conclusion was written from. Where ``replaceable`` is
    not set, no evidence sentence stands in for a draft that fails, as for a side of a disagreement.
    """

    text: str
    chunks: tuple[Chunk, ...]
    evidence: tuple[EvidenceSentence, ...]
    fault: str | None = None
    merged: bool = False
    sources: tuple[Sentence, ...] = ()
    replaceable: bool = True

    @property
    def citations(self) -> tuple[str, ...]:
        """The ids of its chunks."""
        return tuple(chunk.id for chunk in self.chunks)

    @property
    def is_quote(self) -> bool:
        """Whether it is an evidence sentence, unchanged."""
        return len(self.evidence) == 1 and self.text == self.evidence[0].text


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSection:
    """A section as a writer returns it; where ``heading`` is None, the outline's stays, and ``fault`` says why."""

    heading: str | None
    drafts: tuple[Draft, ...]
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDraft:
    """A draft that is not printed as it is, and its fault in words for a writer (see ``rag/writing/faults.py``)."""

    draft: Draft
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftClosing:
    """Summary and conclusion as a writer returns them, and ``searches`` for what a reader would ask for next."""

    parts: Mapping[ClosingPart, Sequence[Draft]]
    searches: tuple[str, ...] = ()


class Writer(Protocol):
    """Writes the sections of a brief. Every method raises ``ModelError`` if the model fails."""

    @property
    def max_rewrites(self) -> int | None:
        """Largest number of drafts of a brief that may be revised; None sets no limit."""
        ...

    def section(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftSection:
        """Write the heading and the sentences of ``section``."""
        ...

    def revise_section(self, refused: Sequence[RefusedDraft], section: OutlineSection) -> list[tuple[Draft, ...]]:
        """Revise drafts of ``section`` so that its evidence supports them; no drafts for one without a usable reply."""
        ...


def quote_draft(sentence: EvidenceSentence) -> Draft:
    """Return the draft that quotes ``sentence`` unchanged."""
    return Draft(text=sentence.text, chunks=(sentence.chunk,), evidence=(sentence,))


def main_quotes(sentence: Sentence) -> list[str]:
    """Return for each citation of ``sentence`` the words that it quotes and shares most with, if they are not its own.

    Words longer than :data:`MAX_QUOTE_WORDS`, such as a table without full stops, are left out.
    """
    stems = content_stems(sentence.text)
    best: dict[str, tuple[int, str]] = {}
    for quote in sentence.quotes:
        text = " ".join(quote.text.split())
        shared = len(content_stems(text) & stems)
        if len(text.split()) <= MAX_QUOTE_WORDS and shared > best.get(quote.chunk_id, (0, ""))[0]:
            best[quote.chunk_id] = shared, text
    return [text for _, text in best.values() if text != sentence.text]
