"""How passages stand in the prompts of a large model: under aliases, below a line that says where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def passages_text(passages: Mapping[str, Chunk]) -> str:
    """Return the passages as a prompt shows them; a place is named above the first of its passages."""
    blocks = []
    place = ""
    for alias, chunk in passages.items():
        own = place_of(chunk)
        blocks.append(f"{own}\n{alias}: {chunk.text}" if own != place else f"{alias}: {chunk.text}")
        place = own
    return "\n\n".join(blocks)


def place_of(chunk: Chunk) -> str:
    """Return the line above a passage: the title, headings and date of its document, in square brackets."""
    return f"[{', '.join(part for part in (chunk.context or chunk.document_id, chunk.date) if part)}]"
