"""The order of hits by a cross-encoder: its log-odds, and the rank that hybrid retrieval gave."""

from __future__ import annotations

import math
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

    pool: int = 40
    """Hits that the model reads."""


_PARAMETERS = ModelRankingParameters()


def rerank_with_model(
    index: Index, question: str, model: RerankModel, *, k: int, where: Filter | None = None
) -> list[Hit]:
    """Return the ``k`` hits that answer ``question`` best, best first; their scores are :func:`combined_scores`."""
    hits = retrieve(index, question, k=max(k, _PARAMETERS.pool), where=where)
    texts = [embedding_text(hit.chunk, count_tokens) for hit in hits[: _PARAMETERS.pool]]
    scores = combined_scores(model.log_odds(question, texts), len(hits), model.config.rank_weight)
    order = sorted(range(len(hits)), key=lambda place: -scores[place])[:k]
    return [replace(hits[place], rank=rank, score=scores[place]) for rank, place in enumerate(order, 1)]


def combined_scores(log_odds: Sequence[float], count: int, rank_weight: float) -> list[float]:
    """Return the scores of ``count`` hits in the order of hybrid retrieval: log-odds less a weight times ln(rank).

    The chance that a hit is relevant falls about with its rank, so that its logarithm adds to log-odds; unlike a score,
    a rank has the same meaning whatever way of merging gave it. Hits beyond those that the model has read stay behind
    them, in their order.

    Args:
        log_odds: of the first hits.
        count: of all hits.
        rank_weight: how much the rank counts.
    """
    unread = [min(log_odds, default=0.0)] * (count - len(log_odds))
    return [value - rank_weight * math.log(rank) for rank, value in enumerate([*log_odds, *unread], 1)]
