"""Print how hybrid retrieval, the reranker and both rank the queries held out, and how well relevance is told. ::

python -m eval.training.reranker.measure --scores work/scores.jsonl --config rag/retrieval/reranker/weights
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rag.retrieval.reranker.model import RerankConfig

from ...metrics.intervals import paired_difference
from ..verifier.figures import auc, calibration_error
from ..verifier.thresholds import Calibration
from .calibrate import by_collection
from .figures import hybrid_scores, labelled_logits, left_out, model_scores, near_miss_logits, ranking_figures
from .score import ScoredQuery, read_rerank_scores

KEPT = 0.98
"""Share of relevant passages that the threshold keeps for which the share of the others left out is printed."""


def ranking_lines(name: str, queries: Sequence[ScoredQuery], config: RerankConfig) -> list[str]:
    """Return a line for each way of ranking: nDCG@10 and MRR@10, and the change against hybrid retrieval."""
    ranked = [scored for scored in queries if scored.query.relevant]
    if not ranked:
        return []
    ways: dict[str, Callable[[ScoredQuery], list[float]]] = {
        "hybrid": hybrid_scores,
        "reranker": lambda scored: model_scores(scored, config.scale, 0.0),
        "both": lambda scored: model_scores(scored, config.scale, config.score_weight),
    }
    lines = []
    before: list[float] = []
    for way, scores in ways.items():
        found = [ranking_figures(scored, scores(scored)) for scored in ranked]
        ndcg = [each.ndcg for each in found]
        line = (
            f"{name:12} {way:9} nDCG@10 {np.mean(ndcg):.4f}  MRR@10 {np.mean([x.reciprocal_rank for x in found]):.4f}"
        )
        if before:
            change = paired_difference(before, ndcg)
            if change is not None and change.low is not None and change.high is not None:
                line += f"  nDCG@10 {change.mean:+.4f} ({change.low:+.4f} to {change.high:+.4f}, n = {change.n})"
        else:
            before = ndcg
        lines.append(line)
    return lines


def relevance_line(name: str, queries: Sequence[ScoredQuery], config: RerankConfig) -> str:
    """Return a line of AUC, calibration error and the share of passages off the query that a threshold leaves out."""
    logits, labels = labelled_logits(queries)
    probabilities = Calibration(scale=config.scale, shift=config.shift).scores(logits)
    _, share = left_out(logits, labels, KEPT)
    line = f"{name:12} AUC {auc(logits, labels):.3f}  calibration error {calibration_error(probabilities, labels):.3f}"
    line += f"  {share:.0%} of the others left out where {KEPT:.0%} of the relevant are kept"
    near_logits, near_labels = near_miss_logits(queries)
    if not near_labels.all():
        line += f"  AUC against near misses {auc(near_logits, near_labels):.3f}"
    return line


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True, help="file that score has written")
    parser.add_argument("--config", type=Path, required=True, help="directory with config.json")
    options = parser.parse_args()
    config = RerankConfig.read(options.config)
    collections = by_collection(read_rerank_scores(options.scores))
    for name, queries in collections.items():
        print("\n".join(ranking_lines(name, queries, config)))
    for name, queries in collections.items():
        print(relevance_line(name, queries, config))


if __name__ == "__main__":
    main()
