"""Calibration and thresholds on synthetic logits whose right values are known."""

from __future__ import annotations

import numpy as np
import pytest

from rag.eval.training.verifier import figures
from rag.eval.training.verifier.score import ScoredClaim
from rag.eval.training.verifier.thresholds import (
    Calibration,
    Claims,
    fit_scale,
    least_cost,
    precise_threshold,
    refusing_threshold,
    token_threshold,
)


def claim(logit: float, supported: bool, **more: object) -> ScoredClaim:
    return ScoredClaim(set="prose", source="a", kind="", supported=supported, pair=None, logit=logit, **more)  # type: ignore[arg-type]


def normal_claims(share: float, n: int = 40_000) -> list[ScoredClaim]:
    """Logits of unit variance around 1 and -1: the exact scale is 2, the exact shift 0."""
    rng = np.random.default_rng(1)
    supported = rng.random(n) < share
    logits = rng.normal(np.where(supported, 1.0, -1.0))
    return [claim(float(logit), bool(label)) for logit, label in zip(logits, supported, strict=True)]


def test_the_scale_is_found_whatever_the_share_of_supported_claims() -> None:
    for share in (0.5, 0.1):
        fitted = fit_scale(Claims.of([normal_claims(share)]))
        assert (fitted.scale, fitted.shift) == (pytest.approx(2, abs=0.05), pytest.approx(0, abs=0.06))


def test_each_set_counts_the_same() -> None:
    claims = Claims.of([[claim(1, True), claim(0, False)], [claim(1, True), *[claim(0, False)] * 8]])
    assert claims.weights.tolist() == pytest.approx([0.25, 0.25, 0.25, *[0.25 / 8] * 8])


def test_logits_that_fall_with_support_are_an_error() -> None:
    with pytest.raises(ValueError, match="the logits fall where claims are supported"):
        fit_scale(Claims.of([[claim(-1, True), claim(1, False), claim(-0.5, True), claim(0.5, False)]]))


def test_the_refusing_threshold_is_the_highest_that_refuses_no_more_than_the_share() -> None:
    scores, weights = np.array([0.9, 0.1, 0.5, 0.3]), np.array([1.0, 1.0, 1.0, 1.0])
    assert refusing_threshold(scores, weights, 0.25) == 0.3
    assert refusing_threshold(scores, weights, 0.24) == 0.1
    assert refusing_threshold(scores, weights, 0.0) == 0.1


def test_the_threshold_of_the_least_cost_is_that_of_the_rule() -> None:
    claims = Claims.of([normal_claims(0.5)])
    scores = Calibration(scale=2, shift=0).scores(claims.logits)
    for prior, cost, expected in ((0.5, 1, 0.5), (0.9, 1, 0.1), (0.9, 9, 0.5)):
        found = least_cost(scores, claims.supported, claims.weights, prior, cost)
        assert found == pytest.approx(expected, abs=0.06)


def test_the_threshold_lies_between_the_scores_it_divides() -> None:
    scores, supported = np.array([0.1, 0.3, 0.7, 0.9]), np.array([False, False, True, True])
    weights = figures.class_weights(supported)
    assert least_cost(scores, supported, weights, 0.5, 1) == pytest.approx(0.5)
    assert least_cost(scores, supported, weights, 0.99, 0.0) <= 0.1
    assert least_cost(scores, ~supported, weights, 0.01, 1.0) > 0.9


def test_the_precise_threshold_is_the_lowest_with_that_precision() -> None:
    scores, supported = np.array([0.2, 0.4, 0.6, 0.8]), np.array([False, True, False, True])
    weights = np.full(4, 0.25)
    assert precise_threshold(scores, supported, weights, 0.6) == pytest.approx(0.4)
    assert precise_threshold(scores, supported, weights, 0.95) == pytest.approx(0.8)
    with pytest.raises(ValueError, match=r"no threshold has precision 0\.95: the highest has 0\.500"):
        precise_threshold(scores, np.array([True, False, True, False]), weights, 0.95)


def test_the_threshold_of_tokens_separates_them() -> None:
    false = claim(0, False, token_logits=(-2.0, 1.0, 0.5), token_labels=(0, 1, 1))
    threshold, f1 = token_threshold([false, claim(0, True, token_logits=(9.0,), token_labels=(0,))])
    assert (threshold, f1) == (pytest.approx(1 / (1 + np.exp(-0.5))), pytest.approx(1))
    with pytest.raises(ValueError, match="no false claim has labelled tokens"):
        token_threshold([claim(0, True)])


def test_calibration_error_is_zero_for_exact_probabilities_and_large_for_others() -> None:
    claims = Claims.of([normal_claims(0.3)])
    exact = Calibration(scale=2, shift=0).scores(claims.logits)
    assert figures.calibration_error(exact, claims.supported) < 0.02
    assert figures.calibration_error(np.ones_like(exact), claims.supported) == pytest.approx(0.5)


def test_pairs_are_in_order_where_the_claim_is_above_its_twin() -> None:
    values, supported = np.array([2.0, 1.0, 0.0, 0.0, 5.0]), np.array([True, False, True, False, False])
    assert figures.pair_order(values, supported, [1, 1, 2, 2, None]) == (0.5, 2)


def test_balanced_accuracy_weighs_both_classes_equally() -> None:
    values, supported = np.array([0.9, 0.8, 0.1, 0.2]), np.array([True, False, False, False])
    assert figures.balanced_accuracy(values, supported, 0.5) == pytest.approx((1 + 2 / 3) / 2)
