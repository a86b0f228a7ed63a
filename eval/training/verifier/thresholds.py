"""Platt scaling, and thresholds on the score: of the least cost, of a precision, and for unsupported words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import figures
from .figures import Labels, Values
from .score import ScoredClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Platt scaling: ``score = sigmoid(scale * logit + shift)``."""

    scale: float
    shift: float

    def scores(self, logits: Values) -> Values:
        """Return the score of each logit."""
        from scipy.special import expit

        return np.asarray(expit(self.scale * logits + self.shift))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Scores from which a claim is accepted, by use."""

    gating: float
    scoring: float
    reattribution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Claims as arrays: ``weights`` sum to 1, half of it for each class."""

    logits: Values
    supported: Labels
    weights: Values

    @classmethod
    def of(cls, sets: Sequence[Sequence[ScoredClaim]]) -> Claims:
        """Return the claims of ``sets``, of which each counts the same."""
        labels = [np.array([claim.supported for claim in claims]) for claims in sets]
        return cls(
            logits=np.array([claim.logit for claims in sets for claim in claims]),
            supported=np.concatenate(labels),
            weights=np.concatenate([figures.class_weights(each) for each in labels]) / len(sets),
        )


def fit_scale(claims: Claims) -> Calibration:
    """Return the scale and shift with the highest weighted likelihood.

    Raises:
        ValueError: the logits do not rise with support, so that no threshold on them means anything.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6).fit(
        claims.logits[:, None], claims.supported, sample_weight=claims.weights * len(claims.weights)
    )
    scale, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
    if scale <= 0:
        raise ValueError(f"the logits fall where claims are supported (scale {scale:.3f}): the weights are not trained")
    return Calibration(scale=scale, shift=shift)


def least_cost(scores: Values, supported: Labels, weights: Values, prior: float, printed_cost: float) -> float:
    """Return the threshold of the least expected cost: see the module on gating.

    Args:
        scores: one a claim.
        supported: whether the evidence supports the claim.
        weights: half of their sum for each class.
        prior: share of true sentences in use.
        printed_cost: what a false sentence that is accepted costs; a true one that is refused costs 1.
    """
    order = np.argsort(scores)
    ordered, true = scores[order], supported[order]
    cost = np.where(true, prior * weights[order], -(1 - prior) * printed_cost * weights[order])
    # Cost of refusing the first k claims, but for what all false ones would cost.
    refused = np.concatenate([[0.0], np.cumsum(cost)])
    distinct = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    places = np.flatnonzero(distinct)
    best = int(places[np.argmin(refused[places])])
    if best == 0:
        return float(ordered[0])
    if best == len(ordered):
        return float(np.nextafter(ordered[-1], 2.0))
    return float((ordered[best - 1] + ordered[best]) / 2)


def refusing_threshold(scores: Values, weights: Values, share: float) -> float:
    """Return the highest threshold that refuses at most the weighted ``share`` of claims with these scores."""
    order = np.argsort(scores)
    refused = np.cumsum(weights[order]) / weights.sum()
    return float(scores[order][np.searchsorted(refused, share, side="right")])


def precise_threshold(scores: Values, supported: Labels, weights: Values, precision: float) -> float:
    """Return the lowest threshold with at least this weighted precision.

    Raises:
        ValueError: no threshold has it.
    """
    from sklearn.metrics import precision_recall_curve

    precisions, _, thresholds = precision_recall_curve(supported, scores, sample_weight=weights)
    precise = np.flatnonzero(precisions[:-1] >= precision)
    if not len(precise):
        raise ValueError(f"no threshold has precision {precision:g}: the highest has {precisions[:-1].max():.3f}")
    return float(thresholds[precise[0]])


def token_threshold(claims: Sequence[ScoredClaim]) -> tuple[float, float]:
    """Return the probability with the highest F1 for unsupported tokens of false claims, and that F1."""
    from scipy.special import expit
    from sklearn.metrics import precision_recall_curve

    marked = [claim for claim in claims if not claim.supported and any(claim.token_labels)]
    if not marked:
        raise ValueError("no false claim has labelled tokens: score the sets prose or written")
    labels = np.concatenate([claim.token_labels for claim in marked])
    probabilities = expit(np.concatenate([claim.token_logits for claim in marked]))
    precisions, recalls, thresholds = precision_recall_curve(labels, probabilities)
    f1 = 2 * precisions * recalls / np.maximum(precisions + recalls, 1e-9)
    best = int(np.argmax(f1[:-1]))
    return float(thresholds[best]), float(f1[best])
