"""Hybrid retrieval: dense and lexical search, merged by reciprocal rank fusion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.types import Chunk, Filter, Hit

if TYPE_CHECKING:
    from rag.store import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridParameters:
    """The constants of :func:`retrieve`."""

    rrf_k: int = 60
    """The constant of reciprocal rank fusion, as in the paper."""

    near_duplicate: float = 0.97
    """Cosine from which two chunks are near-duplicates; the one that ranks lower is left out."""

    min_pool: int = 50
    """Chunks that each of the two searches returns at the least; it returns twice ``k`` where that is more."""


_PARAMETERS = HybridParameters()


def retrieve(index: Index, question: str, *, k: int, where: Filter | None = None) -> list[Hit]:
    """Return the ``k`` best chunks of ``index`` for ``question`` without near-duplicates, best first."""
    pool = max(2 * k, _PARAMETERS.min_pool)
    rankings = {
        "dense": [chunk for chunk, _ in index.dense(index.embedder.embed_query(question), pool, where)],
        "lexical": [chunk for chunk, _ in index.lexical(question, pool, where)],
    }
    ranked = rank_fusion(rankings)
    distinct = _distinct(index, [chunk for chunk, _, _ in ranked[:pool]])
    kept = [entry for entry in ranked if entry[0].id in distinct][:k]
    return [
        Hit(chunk=chunk, rank=rank, score=score, found_by=found_by)
        for rank, (chunk, score, found_by) in enumerate(kept, 1)
    ]


def rank_fusion(rankings: Mapping[str, Sequence[Chunk]]) -> list[tuple[Chunk, float, tuple[str, ...]]]:
    """Merge ``rankings`` by reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009).

    It needs no common scale for cosines and BM25 scores: a chunk scores the sum of ``1 / (60 + rank)``.

    Returns:
        ``(chunk, score, names of the rankings that have it)``, best first; equal scores are ordered by chunk id.
    """
    scores: dict[str, float] = defaultdict(float)
    found_by: dict[str, list[str]] = defaultdict(list)
    chunks: dict[str, Chunk] = {}
    for name, ranking in rankings.items():
        for rank, chunk in enumerate(ranking, 1):
            chunks.setdefault(chunk.id, chunk)
            scores[chunk.id] += 1 / (_PARAMETERS.rrf_k + rank)
            found_by[chunk.id].append(name)
    order = sorted(chunks, key=lambda id_: (-scores[id_], id_))
    return [(chunks[id_], scores[id_], tuple(found_by[id_])) for id_ in order]


def _distinct(index: Index, chunks: Sequence[Chunk]) -> set[str]:
    """Return the ids of ``chunks`` without those that are near-duplicates of an earlier one."""
    if not chunks:
        return set()
    vectors = index.vectors(chunks)
    duplicate = vectors @ vectors.T >= _PARAMETERS.near_duplicate
    kept: list[int] = []
    for i in range(len(chunks)):
        if not duplicate[i, kept].any():
            kept.append(i)
    return {chunks[i].id for i in kept}
