"""Anchors: a few words of a document, verbatim, that mark a passage without repeating its text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from rag.store import Index
from rag.types import Chunk

from ..runner.cases import NonEmptyText, collapse_whitespace

ANCHOR_WORDS = 8
"""Words of an anchor. A suite over somebody else's documents holds no more of them than this."""


def _few_words(text: str) -> str:
    if len(text.split()) > ANCHOR_WORDS:
        raise ValueError(f"an anchor has at most {ANCHOR_WORDS} words, not {len(text.split())}")
    return text


class Anchor(BaseModel):
    """Words of the document ``document_id`` that mark a passage. White space counts as one space."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: NonEmptyText
    anchor: Annotated[NonEmptyText, AfterValidator(_few_words)]

    def marks(self, chunk: Chunk) -> bool:
        """Whether ``chunk`` is of this document and holds the words."""
        return chunk.document_id == self.document_id and self.anchor in collapse_whitespace(chunk.text)


def first_rank(chunks: Iterable[Chunk], anchors: Sequence[Anchor]) -> int | None:
    """Return the rank, from 1, of the first of ``chunks`` that one of ``anchors`` marks; None without one."""
    return next((rank for rank, chunk in enumerate(chunks, 1) if any(a.marks(chunk) for a in anchors)), None)


def unknown_anchors(index: Index, anchors: Iterable[Anchor]) -> list[Anchor]:
    """Return those of ``anchors`` that no document of ``index`` holds."""
    texts: dict[str, str] = {}
    missing = []
    for anchor in anchors:
        if anchor.document_id not in texts:
            document = index.catalogue.document(anchor.document_id)
            texts[anchor.document_id] = "" if document is None else collapse_whitespace(document.text)
        if anchor.anchor not in texts[anchor.document_id]:
            missing.append(anchor)
    return missing
