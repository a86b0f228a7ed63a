"""Figures of how well logits separate the claims that their evidence supports from the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]
Labels = npt.NDArray[np.bool_]


def balanced_accuracy(values: Values, supported: Labels, threshold: float) -> float:
    """Return the mean of the shares of supported claims at or above ``threshold`` and of the others below it."""
    accepted = values >= threshold
    return float((accepted[supported].mean() + (~accepted[~supported]).mean()) / 2)


def auc(values: Values, supported: Labels) -> float:
    """Return the area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(supported, values))


def pair_order(values: Values, supported: Labels, pairs: Sequence[int | None]) -> tuple[float, int]:
    """Return the share of claims whose value is above that of their false twin, and the count of pairs.

    Args:
        values: one a claim.
        supported: whether the evidence supports the claim.
        pairs: the number that a claim shares with its twin; None without a twin.
    """
    places: dict[int, list[int]] = {}
    for place, pair in enumerate(pairs):
        if pair is not None:
            places.setdefault(pair, []).append(place)
    ordered = []
    for pair_places in places.values():
        true = [place for place in pair_places if supported[place]]
        false = [place for place in pair_places if not supported[place]]
        if len(true) == len(false) == 1:
            ordered.append(bool(values[true[0]] > values[false[0]]))
    return (float(np.mean(ordered)) if ordered else float("nan")), len(ordered)


def class_weights(supported: Labels, prior: float = 0.5) -> Values:
    """Return a weight for each claim with which the supported ones make up ``prior`` of the total, which is 1."""
    return np.where(supported, prior / max(1, supported.sum()), (1 - prior) / max(1, (~supported).sum()))


def calibration_error(probabilities: Values, supported: Labels, bins: int = 10) -> float:
    """Return the expected calibration error (Guo et al., ICML 2017) with both classes weighted equally."""
    weights = class_weights(supported)
    where = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for each in np.unique(where):
        inside = where == each
        error += abs(float((weights[inside] * (probabilities[inside] - supported[inside])).sum()))
    return error / float(weights.sum())
