"""Hybrid retrieval: dense and lexical search, their scores merged, near-duplicates left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval.fusion import combine_scores
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.store import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridParameters:
    """The constants of :func:`retrieve`."""

    near_duplicate: float = 0.97
    """Cosine from which two chunks are near-duplicates; the one that ranks lower is left out."""

    min_pool: int = 50
    """Chunks that each of the two searches returns at the least; it returns twice ``k`` where that is more."""


_PARAMETERS = HybridParameters()


def retrieve(index: Index, question: str, *, k: int, where: Filter | None = None) -> list[Hit]:
    """Return the ``k`` best chunks of ``index`` for ``question`` without near-duplicates, best first.

    A hit's score is 0 to 1 and compares the hits of one question only. Equal scores are ordered by chunk id.
    """
    pool = max(2 * k, _PARAMETERS.min_pool)
    query = index.embedder.embed_query(question)
    nearest = {chunk.id: (chunk, vector) for chunk, _, vector in index.nearest(query, pool, where)}
    found = index.lexical(question, pool, where)
    bm25 = {chunk.id: score for chunk, score in found}
    added = [chunk for chunk, _ in found if chunk.id not in nearest]
    chunks = [*(chunk for chunk, _ in nearest.values()), *added]
    if not chunks:
        return []
    rows = [vector for _, vector in nearest.values()] + (list(index.vectors(added)) if added else [])
    vectors = np.array(rows, dtype=np.float32)
    cosines = vectors @ np.array(query, dtype=np.float32)
    scores = combine_scores(
        cosines,
        np.array([bm25.get(chunk.id, 0.0) for chunk in chunks], dtype=np.float32),
    )
    ranked = sorted(range(len(chunks)), key=lambda i: (-scores[i], chunks[i].id))[:pool]
    return [
        Hit(
            chunk=chunks[i],
            rank=rank,
            score=float(scores[i]),
            cosine=float(cosines[i]),
            found_by=tuple(name for name, ids in (("dense", nearest), ("lexical", bm25)) if chunks[i].id in ids),
        )
        for rank, i in enumerate(_distinct(vectors, ranked, k), 1)
    ]


def _distinct(vectors: NDArray[np.float32], ranked: list[int], k: int) -> list[int]:
    """Return the first ``k`` of ``ranked``, rows of ``vectors``, that are no near-duplicates of an earlier one."""
    ordered = vectors[ranked]
    duplicate = ordered @ ordered.T >= _PARAMETERS.near_duplicate
    kept: list[int] = []
    for i in range(len(ranked)):
        if len(kept) == k:
            break
        if not duplicate[i, kept].any():
            kept.append(i)
    return [ranked[i] for i in kept]
