"""Measures of how well scores separate full support from the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]
Truth = npt.NDArray[np.bool_]


def balanced_accuracy(scores: Scores, full: Truth, threshold: float = 0.5) -> float:
    """Return the mean of the shares of full and of other pairs on the correct side of ``threshold``."""
    accepted = scores >= threshold
    return float((accepted[full].mean() + (~accepted[~full]).mean()) / 2)


def best_threshold(scores: Scores, full: Truth) -> tuple[float, float]:
    """Return the threshold with the highest balanced accuracy on these pairs, and that accuracy."""
    order = np.argsort(-scores)
    hits = np.cumsum(full[order]) / full.sum()
    false = np.cumsum(~full[order]) / (~full).sum()
    i = int(np.argmax(hits - false))
    return float(scores[order][i]), float((1 + hits[i] - false[i]) / 2)


def auc(scores: Scores, full: Truth) -> float:
    """Return the probability that a full pair scores above another one; ties count half."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    positives = int(full.sum())
    return float((ranks[full].sum() - positives * (positives + 1) / 2) / (positives * (len(full) - positives)))


def calibration_error(scores: Scores, full: Truth, bins: int = 10) -> float:
    """Return the expected calibration error with both classes weighted equally."""
    weights = np.where(full, 0.5 / full.mean(), 0.5 / (~full).mean())
    where = np.minimum((scores * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = where == b
        if inside.any():
            w = weights[inside]
            error += w.sum() * abs(np.average(scores[inside], weights=w) - np.average(full[inside], weights=w))
    return float(error / weights.sum())
