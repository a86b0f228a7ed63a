"""Calibrate the reranker and choose the weight of the hybrid score on the queries held out; write ``config.json``. ::

    python -m eval.training.reranker.calibrate --scores work/scores.jsonl --base BASE --weights DIFFERENCE \\
                                               --name citebrief-rerank/1 --out rag/retrieval/reranker/weights

Log-odds are ``scale * logit + shift`` (Platt, 1999), where half of the passages are relevant; each collection, and
within it the relevant passages and the others, count the same. A score is the log-odds plus a weight times the
score of hybrid retrieval: the weight with the highest nDCG@10, averaged over the collections.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rag.retrieval.reranker.model import RerankConfig

from ..parameters import parameter_layers
from ..verifier.figures import class_weights
from ..verifier.thresholds import Calibration, Claims, fit_scale
from .figures import labelled_logits, model_scores, ranking_figures
from .score import ScoredQuery, read_rerank_scores
from .tokens import MAX_PASSAGE, MAX_QUERY

WEIGHTS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 50.0)
"""Weights of the hybrid score that are tried."""

Collections = Mapping[str, Sequence[ScoredQuery]]
"""The queries of each collection."""


def by_collection(queries: Sequence[ScoredQuery]) -> dict[str, list[ScoredQuery]]:
    """Return ``queries`` by their collection's name."""
    found: dict[str, list[ScoredQuery]] = {}
    for scored in queries:
        found.setdefault(scored.query.collection, []).append(scored)
    return found


def fit_calibration(collections: Collections) -> Calibration:
    """Return the calibration with the highest weighted likelihood.

    Raises:
        ValueError: the logits do not rise with relevance.
    """
    sets = [labelled_logits(queries) for queries in collections.values()]
    return fit_scale(
        Claims(
            logits=np.concatenate([logits for logits, _ in sets]),
            supported=np.concatenate([labels for _, labels in sets]),
            weights=np.concatenate([class_weights(labels) for _, labels in sets]) / len(sets),
        )
    )


def mean_ndcg(collections: Collections, scale: float, score_weight: float) -> float:
    """Return nDCG@10, averaged over the queries with an answer of each collection and over the collections."""
    means = []
    for queries in collections.values():
        ranked = [each for each in queries if each.query.relevant]
        if ranked:
            means.append(
                np.mean([ranking_figures(each, model_scores(each, scale, score_weight)).ndcg for each in ranked])
            )
    return float(np.mean(means))


def main() -> None:
    """Write ``config.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True, help="file that score has written")
    parser.add_argument("--base", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--weights", type=Path, required=True, help="the difference that was scored")
    parser.add_argument("--name", required=True, help="the model's name")
    parser.add_argument("--out", type=Path, required=True, help="directory to write to")
    parser.add_argument("--score-weight", type=float, help="this weight, and not the best one on the queries held out")
    options = parser.parse_args()
    collections = by_collection(read_rerank_scores(options.scores))
    calibration = fit_calibration(collections)
    tried = {weight: mean_ndcg(collections, calibration.scale, weight) for weight in WEIGHTS}
    for weight, ndcg in tried.items():
        print(f"score weight {weight}: mean nDCG@10 {ndcg:.4f}", flush=True)
    best = max(tried, key=lambda weight: tried[weight])
    config = RerankConfig(
        name=options.name,
        base_sha256=hashlib.sha256((options.base / "model.safetensors").read_bytes()).hexdigest(),
        layers=parameter_layers(options.weights),
        max_question_tokens=MAX_QUERY,
        max_passage_tokens=MAX_PASSAGE,
        scale=round(calibration.scale, 5),
        shift=round(calibration.shift, 5),
        score_weight=best if options.score_weight is None else options.score_weight,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "config.json"
    path.write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")
    print(f"{path}: score weight {config.score_weight}, log-odds {config.scale} * logit + {config.shift}")


if __name__ == "__main__":
    main()
