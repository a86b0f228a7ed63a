"""Search for the parts of a question, or for several queries, and merge the hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from rag.retrieval.question_parts import question_parts
from rag.retrieval.search import search_index
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from rag.store import Index


def search_parts(index: Index, question: str, *, k: int, where: Filter | None = None) -> list[Hit]:
    """Return the ``k`` best hits of ``index`` for ``question`` and for each of its parts, best first."""
    parts = question_parts(question)
    queries = [part.query for part in parts] if len(parts) > 1 else []
    return merge_hits([search_index(index, query, k=k, where=where) for query in (question, *queries)])[:k]


def merge_hits(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Return the hits of ``rankings`` in the order of their best ranks, of equal ranks the earlier ranking's first.

    So the best hits of each ranking come first, which fusion by sums of ranks does not give: what only one query finds
    would come after what all find. A hit keeps its highest cosine; its score is 1 divided by its new rank.
    A single ranking is returned as it is.
    """
    if len(rankings) == 1:
        return list(rankings[0])
    merged: dict[str, Hit] = {}
    for hits in zip_longest(*rankings):
        for hit in hits:
            if hit is not None:
                known = merged.get(hit.chunk.id)
                merged[hit.chunk.id] = _both(known, hit) if known else hit
    return [replace(hit, rank=rank, score=1 / rank) for rank, hit in enumerate(merged.values(), 1)]


def _both(first: Hit, second: Hit) -> Hit:
    found_by = tuple(dict.fromkeys((*first.found_by, *second.found_by)))
    return replace(first, cosine=max(first.cosine, second.cosine), found_by=found_by)
