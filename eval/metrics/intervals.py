"""Confidence intervals: bootstrap means over questions, paired differences, and means corrected by labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
RESAMPLES = 4_000
_NORMAL_QUANTILE = 1.959964
"""Quantile of the standard normal distribution for a two-sided interval at :data:`CONFIDENCE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over ``n`` values and the bounds of its 95 % interval; the bounds are None for a single value."""

    mean: float
    low: float | None
    high: float | None
    n: int


def bootstrap_mean(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Return the mean with its percentile bootstrap interval (Efron & Tibshirani, 1993); None without values."""
    import numpy as np
    from scipy.stats import bootstrap

    if not values:
        return None
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean=mean, low=None, high=None, n=1)
    interval = bootstrap(
        (np.asarray(values, float),), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(mean=mean, low=float(interval.low), high=float(interval.high), n=len(values))


def paired_difference(before: Sequence[float], after: Sequence[float], seed: int = 0) -> Interval | None:
    """Return the mean of ``after`` − ``before`` over questions, with its interval (Koehn, EMNLP 2004).

    Both sequences hold the same questions in the same order. The change is significant if the interval excludes 0.
    """
    return bootstrap_mean([b - a for a, b in zip(before, after, strict=True)], seed)


def prediction_powered_mean(judged: Sequence[float], sample: Sequence[tuple[float, float]]) -> Interval | None:
    """Estimate the share of sentences that are truly supported from a judge's verdicts and a labelled sample.

    Prediction-powered inference with power tuning (Angelopoulos et al., Science 2023; PPI++, 2023): the judge's mean,
    corrected by its mean error on the sample and weighted by how well its verdicts predict the labels. With an
    uninformative judge the result is the mean of the labels.

    Args:
        judged: the judge's verdicts on all sentences (1 supported, 0 not).
        sample: (verdict, label) for a random sample of them. Fewer than two give None.
    """
    import numpy as np

    n, total = len(sample), len(judged)
    if n < 2 or not total:
        return None
    everything = np.asarray(judged, float)
    verdicts, labels = (np.asarray(column, float) for column in zip(*sample, strict=True))
    spread = float(np.var(verdicts, ddof=1))
    weight = 0.0
    if spread > 0:
        weight = float(np.cov(verdicts, labels, ddof=1)[0, 1]) / (spread * (1 + n / total))
        weight = min(max(weight, 0.0), 1.0)
    mean = weight * float(everything.mean()) + float((labels - weight * verdicts).mean())
    variance = float(np.var(labels - weight * verdicts, ddof=1)) / n + weight**2 * float(np.var(everything)) / total
    half = _NORMAL_QUANTILE * math.sqrt(variance)
    return Interval(mean=min(max(mean, 0.0), 1.0), low=max(mean - half, 0.0), high=min(mean + half, 1.0), n=n)
