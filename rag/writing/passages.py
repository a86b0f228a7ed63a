"""How passages stand in the prompts of a large model: under aliases, below a line that says where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile

from rag.text import indented
from rag.types import Chunk


def aliased_passages(chunks: Iterable[Chunk]) -> dict[str, Chunk]:
    """Return ``chunks`` under the aliases ``E1``, ``E2``, …

    The passages of a document stand together in its order, documents in the order of their first passage: so a prompt
    reads as its documents do, and names each place once.
    """
    by_document: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_document.setdefault(chunk.document_id, []).append(chunk)
    ordered = [chunk for own in by_document.values() for chunk in sorted(own, key=lambda chunk: chunk.start)]
    return {f"E{number}": chunk for number, chunk in enumerate(ordered, 1)}


def passages_text(passages: Mapping[str, Chunk], shortened: Mapping[str, str] | None = None) -> str:
    """Return the passages as a prompt shows them; a place is named above the first of its passages.

    Of the place of a passage that follows one of the same document only what differs is named: "[… › Costs]".

    Args:
        passages: the passages by alias, those of a document together.
        shortened: the text that takes the place of a passage's own, by chunk id.
    """
    texts = shortened or {}
    blocks = []
    before: Chunk | None = None
    for alias, chunk in passages.items():
        text = indented(texts.get(chunk.id, chunk.text))
        block = f"{alias}:\n{text}" if text.startswith(" ") else f"{alias}: {text}"
        if before is None or place_of(chunk) != place_of(before):
            block = f"{_place_after(before, chunk)}\n{block}"
        blocks.append(block)
        before = chunk
    return "\n\n".join(blocks)


def _place_after(before: Chunk | None, chunk: Chunk) -> str:
    """Return the line above ``chunk``, without the title, headings and items that it shares with ``before``."""
    if before is None or before.document_id != chunk.document_id or before.date != chunk.date or not chunk.title:
        return place_of(chunk)
    own = (*chunk.heading_path, *chunk.items)
    pairs = zip((*before.heading_path, *before.items), own, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    rest = own[shared:]
    return f"[{' › '.join(('…', *rest))}]" if rest else place_of(chunk)


def place_of(chunk: Chunk) -> str:
    """Return the line above a passage: the title, headings and date of its document, in square brackets."""
    return f"[{chunk.place or chunk.document_id}]"
