"""The order of hits by a cross-encoder: its log-odds, and the score that hybrid retrieval gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.embedding import count_tokens
from rag.ingest import embedding_text
from rag.retrieval.hybrid import retrieve
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from rag.retrieval.reranker.model import RerankModel
    from rag.store import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRankingParameters:
    """The constants of :func:`rerank_with_model`."""

    pool: int = 30
    """Hits that the model reads. Each takes 30 ms on one core."""


_PARAMETERS = ModelRankingParameters()


def rerank_with_model(
    index: Index, question: str, model: RerankModel, *, k: int, where: Filter | None = None
) -> list[Hit]:
    """Return the ``k`` hits that answer ``question`` best, best first; their scores are :func:`combined_scores`."""
    hits = retrieve(index, question, k=max(k, _PARAMETERS.pool), where=where)
    texts = [embedding_text(hit.chunk, count_tokens) for hit in hits[: _PARAMETERS.pool]]
    scores = combined_scores(model.log_odds(question, texts), [hit.score for hit in hits], model.config.score_weight)
    order = sorted(range(len(hits)), key=lambda place: -scores[place])[:k]
    return [replace(hits[place], rank=rank, score=scores[place]) for rank, place in enumerate(order, 1)]


def combined_scores(log_odds: Sequence[float], merged: Sequence[float], weight: float) -> list[float]:
    """Return the scores of hits in the order of hybrid retrieval: log-odds plus ``weight`` times the merged score.

    Hits beyond those that the model has read stay behind them, in their order.

    Args:
        log_odds: of the first hits.
        merged: the scores of all hits by :func:`rag.retrieval.combine_scores`, 0 to 1, falling.
        weight: how much these count.
    """
    read = [value + weight * score for value, score in zip(log_odds, merged, strict=False)]
    lowest = min(read, default=0.0)
    return read + [lowest - 1 + score for score in merged[len(read) :]]
