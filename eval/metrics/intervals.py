"""How sure is a mean? Bootstrap intervals over questions, paired comparison, and what a judge's errors do to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95
RESAMPLES = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with the bounds of its 95 % interval, over ``n`` values. One value alone has no interval."""

    mean: float
    low: float | None
    high: float | None
    n: int


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval | None:
    """The mean of ``values`` with a percentile bootstrap interval (Efron & Tibshirani, 1993); None for no value."""
    import numpy as np
    from scipy.stats import bootstrap as resample

    if not values:
        return None
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean=mean, low=None, high=None, n=1)
    found = resample(
        (np.asarray(values, float),), np.mean, n_resamples=RESAMPLES, confidence_level=LEVEL, method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(mean=mean, low=float(found.low), high=float(found.high), n=len(values))


def paired(before: Sequence[float], after: Sequence[float], seed: int = 0) -> Interval | None:
    """The mean of ``after`` − ``before``, question by question, with its interval (Koehn, EMNLP 2004).

    A change is beyond noise where the interval leaves out 0. The two are of the same questions in the same order.
    """
    return bootstrap([b - a for a, b in zip(before, after, strict=True)], seed)


def prediction_powered(judged: Sequence[float], sample: Sequence[tuple[float, float]]) -> Interval | None:
    """The share of *true* support, from a judge's verdicts on everything and labels on a random ``sample`` of it.

    ``judged`` are the judge's verdicts (1 supported, 0 not) on all sentences, ``sample`` pairs of (verdict, label).
    Prediction-powered inference with power tuning (Angelopoulos et al., Science 2023; PPI++, 2023): the judge's mean,
    corrected by its mean error on the sample, weighted by how far its verdicts tell the labels. A useless judge leaves
    the labels' own mean. None where fewer than two are labelled.
    """
    import numpy as np

    n, total = len(sample), len(judged)
    if n < 2 or not total:
        return None
    everything = np.asarray(judged, float)
    said, truth = (np.asarray(column, float) for column in zip(*sample, strict=True))
    spread = float(np.var(said, ddof=1))
    weight = 0.0
    if spread > 0:
        weight = float(np.cov(said, truth, ddof=1)[0, 1]) / (spread * (1 + n / total))
        weight = min(max(weight, 0.0), 1.0)
    mean = weight * float(everything.mean()) + float((truth - weight * said).mean())
    variance = float(np.var(truth - weight * said, ddof=1)) / n + weight**2 * float(np.var(everything)) / total
    half = 1.959964 * math.sqrt(variance)
    return Interval(mean=min(max(mean, 0.0), 1.0), low=max(mean - half, 0.0), high=min(mean + half, 1.0), n=n)
