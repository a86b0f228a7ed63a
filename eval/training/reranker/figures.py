"""Figures of rankings: nDCG@10 and MRR@10 of each query, and how many passages off the query a threshold leaves out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.retrieval.reranker.ranking import combined_scores

from ..verifier.figures import Labels, Values
from .collection import NONE
from .score import ScoredQuery

CUT = 10


@dataclass(frozen=True, slots=True)
class RankingFigures:
    """nDCG@10 (Järvelin & Kekäläinen, 2002, gains as in the judgements) and the reciprocal rank up to 10."""

    ndcg: float
    reciprocal_rank: float


def ranking_figures(scored: ScoredQuery, scores: Sequence[float]) -> RankingFigures:
    """Return the figures of the ranking of a query's candidates by ``scores``; a document has its best chunk's rank."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    ranking = list(dict.fromkeys(scored.units[place] for place in order))[:CUT]
    relevant = scored.query.relevant
    gains = [relevant.get(unit, 0) for unit in ranking]
    ideal = _discounted(sorted(relevant.values(), reverse=True)[:CUT])
    first = next((rank for rank, gain in enumerate(gains, 1) if gain), None)
    return RankingFigures(_discounted(gains) / ideal, 1 / first if first else 0.0)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def hybrid_scores(scored: ScoredQuery) -> list[float]:
    """Return scores that keep the order of hybrid retrieval."""
    return list(scored.query.scores)


def model_scores(scored: ScoredQuery, scale: float, score_weight: float) -> list[float]:
    """Return the scores by which the product orders the candidates; the shift changes no order."""
    return combined_scores([scale * logit for logit in scored.logits], scored.query.scores, score_weight)


def labelled_logits(queries: Sequence[ScoredQuery]) -> tuple[Values, Labels]:
    """Return logits of passages, and whether each is relevant to its query.

    Candidates without a label count as not relevant, but for those of which that is unknown.
    """
    logits, labels = [], []
    for scored in queries:
        for id_, logit in scored.labelled.items():
            logits.append(logit)
            labels.append(scored.query.labels[id_] > NONE)
        for id_, logit in zip(scored.query.candidates, scored.logits, strict=True):
            if id_ not in scored.query.labels and id_ not in scored.query.unknown:
                logits.append(logit)
                labels.append(False)
    return np.array(logits), np.array(labels, dtype=bool)


def near_miss_logits(queries: Sequence[ScoredQuery]) -> tuple[Values, Labels]:
    """Return the logits of the labelled passages alone: those that answer, and near misses."""
    pairs = [(logit, scored.query.labels[id_] > NONE) for scored in queries for id_, logit in scored.labelled.items()]
    return np.array([logit for logit, _ in pairs]), np.array([label for _, label in pairs], dtype=bool)


def left_out(logits: Values, labels: Labels, kept: float) -> tuple[float, float]:
    """Return the highest threshold that keeps this share of relevant passages, and the share of the others below it."""
    threshold = float(np.quantile(logits[labels], 1 - kept))
    return threshold, float((logits[~labels] < threshold).mean())
