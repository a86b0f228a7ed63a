"""What a writer returns, before it is verified, and the interface of a writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rag.types import Chunk
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import OutlineSection

ClosingPart = Literal["summary", "conclusion"]
"""A part of a brief that tells in short what its sections tell."""

CLOSING_PARTS: tuple[ClosingPart, ClosingPart] = ("summary", "conclusion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A sentence as a writer returns it, not yet verified, and the chunks that it cites.

    ``evidence`` are sentences of its chunks, of which the nearest is quoted if it fails; empty for a draft of a large
    model. ``fault`` is what is wrong with it before it is verified. ``is_side`` is set for a side of a disagreement: no
    evidence sentence stands in for one that fails, and one that a section tells already is printed again.
    """

    text: str
    chunks: tuple[Chunk, ...]
    evidence: tuple[EvidenceSentence, ...]
    fault: str | None = None
    is_side: bool = False

    @property
    def citations(self) -> tuple[str, ...]:
        """The ids of its chunks."""
        return tuple(chunk.id for chunk in self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftHeading:
    """The heading of a section as a writer returns it; where ``text`` is None, the outline's stays, for ``fault``."""

    text: str | None
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSection:
    """A section that a large model wrote, with at least one draft."""

    heading: str
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDraft:
    """A draft that is not printed as it is, and its fault in words for a writer (see ``rag/writing/faults.py``)."""

    draft: Draft
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDisagreement:
    """A disagreement of documents; both sides have to be verified."""

    about: str
    sides: tuple[Draft, Draft]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftBrief:
    """A brief as a large model returns it; ``sections`` is empty where no passage answers any part of the question.

    ``gaps`` are sentences on what the passages do not answer, ``gap_searches`` are queries for these, and ``searches``
    for what a reader would ask next. ``faults`` say which headings were replaced, and what was no sentence.
    """

    sections: tuple[WrittenSection, ...]
    closing: Mapping[ClosingPart, Sequence[Draft]]
    disagreements: tuple[DraftDisagreement, ...] = ()
    gaps: tuple[str, ...] = ()
    gap_searches: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class Writer(Protocol):
    """Writes what a small model writes of a brief. Every method raises ``ModelError`` if the model fails."""

    def summary(self) -> tuple[Draft, ...]:
        """Write sentences that answer the question."""
        ...

    def heading(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftHeading:
        """Name the theme of ``section``."""
        ...
