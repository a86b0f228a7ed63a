"""Hybrid retrieval: dense and lexical search, their scores merged, near-duplicates left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval.fusion import combine_scores
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.store import Index

    Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridParameters:
    """The constants of :func:`retrieve`."""

    near_duplicate: float = 0.97
    """Cosine from which two chunks are near-duplicates; the one that ranks lower is left out."""

    min_pool: int = 50
    """Chunks that each of the two searches returns at the least; it returns twice ``k`` where that is more."""

    growth: int = 4
    """Factor by which the searches return more as long as near-duplicates leave fewer than ``k`` hits."""

    max_pool: int = 3200
    """Chunks from which on they return no more. An index of 12,000 copies of one page is searched in a second."""


_PARAMETERS = HybridParameters()


def retrieve(index: Index, question: str, *, k: int, where: Filter | None = None) -> list[Hit]:
    """Return the ``k`` best chunks of ``index`` for ``question`` without near-duplicates, best first.

    A hit's score is 0 to 1 and compares the hits of one question only. Equal scores are ordered by chunk id.
    """
    query = index.embedder.embed_query(question)
    pool = max(2 * k, _PARAMETERS.min_pool)
    while True:
        candidates, vectors = _candidates(index, question, query, pool, where)
        distinct = _distinct(vectors, k)
        if len(distinct) == k or len(candidates) < pool or pool >= _PARAMETERS.max_pool:
            return [replace(candidates[at], rank=rank) for rank, at in enumerate(distinct, 1)]
        pool = min(pool * _PARAMETERS.growth, _PARAMETERS.max_pool)


def _candidates(
    index: Index, question: str, query: Sequence[float], pool: int, where: Filter | None
) -> tuple[list[Hit], Vectors]:
    """Return the best ``pool`` chunks of both searches, best first, and their vectors; fewer if there are no more."""
    nearest = {chunk.id: (chunk, vector) for chunk, _, vector in index.nearest(query, pool, where)}
    found = index.lexical(question, pool, where)
    bm25 = {chunk.id: score for chunk, score in found}
    added = [chunk for chunk, _ in found if chunk.id not in nearest]
    chunks = [*(chunk for chunk, _ in nearest.values()), *added]
    if not chunks:
        return [], np.empty((0, 0), dtype=np.float32)
    rows = [vector for _, vector in nearest.values()] + (list(index.vectors(added)) if added else [])
    vectors = np.array(rows, dtype=np.float32)
    cosines = vectors @ np.array(query, dtype=np.float32)
    scores = combine_scores(
        cosines,
        np.array([bm25.get(chunk.id, 0.0) for chunk in chunks], dtype=np.float32),
    )
    ranked = sorted(range(len(chunks)), key=lambda i: (-scores[i], chunks[i].id))[:pool]
    hits = [
        Hit(
            chunk=chunks[i],
            rank=rank,
            score=float(scores[i]),
            cosine=float(cosines[i]),
            found_by=tuple(name for name, ids in (("dense", nearest), ("lexical", bm25)) if chunks[i].id in ids),
        )
        for rank, i in enumerate(ranked, 1)
    ]
    return hits, vectors[ranked]


def _distinct(vectors: Vectors, k: int) -> list[int]:
    """Return the first ``k`` rows of ``vectors`` that are no near-duplicates of an earlier one."""
    kept: list[int] = []
    for at, vector in enumerate(vectors):
        if len(kept) == k:
            break
        if not (vectors[kept] @ vector >= _PARAMETERS.near_duplicate).any():
            kept.append(at)
    return kept
