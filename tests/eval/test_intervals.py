"""Intervals on random numbers with known distributions."""

from __future__ import annotations

import random

import pytest

from rag.eval.metrics.intervals import bootstrap_mean, paired_difference, prediction_powered_mean


def test_the_interval_contains_the_mean_and_is_reproducible() -> None:
    rng = random.Random(1)
    values = [rng.gauss(0.8, 0.1) for _ in range(50)]
    found = bootstrap_mean(values)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.mean < found.high
    assert bootstrap_mean(values) == found


def test_equal_values_have_an_interval_of_width_zero() -> None:
    found = bootstrap_mean([1.0] * 8)
    assert found is not None
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)


def test_one_value_has_no_interval_and_no_values_have_no_mean() -> None:
    one = bootstrap_mean([0.5])
    assert one is not None
    assert (one.mean, one.low, one.high, one.n) == (0.5, None, None, 1)
    assert bootstrap_mean([]) is None


def test_the_paired_difference_detects_a_change_within_overlapping_intervals() -> None:
    rng = random.Random(3)
    before = [rng.random() for _ in range(40)]
    after = [value - 0.05 + rng.gauss(0, 0.01) for value in before]
    change = paired_difference(before, after)
    assert change is not None
    assert change.high is not None
    assert change.high < 0
    first, second = bootstrap_mean(before), bootstrap_mean(after)
    assert first is not None
    assert second is not None
    assert first.low is not None
    assert second.high is not None
    assert second.high > first.low


def labelled(n: int, seed: int) -> list[tuple[float, float]]:
    """Draw pairs of (verdict, label): 80 % of the labels are true, and the judge is wrong in a tenth of all cases."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(n):
        truth = rng.random() < 0.8
        pairs.append((float(truth if rng.random() < 0.9 else not truth), float(truth)))
    return pairs


def test_labels_correct_the_mean_of_an_erring_judge() -> None:
    pairs = labelled(3_000, 5)
    judged = [verdict for verdict, _ in pairs]
    assert sum(judged) / len(judged) == pytest.approx(0.74, abs=0.02)  # the mean of the verdicts is six points too low
    found = prediction_powered_mean(judged, pairs[:200])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.8 < found.high
    assert found.high - found.low < 2 * 1.96 * (0.8 * 0.2 / 200) ** 0.5  # narrower than with labels alone


def test_the_interval_contains_the_true_share_at_the_stated_rate() -> None:
    covered = 0
    for seed in range(200):
        pairs = labelled(600, seed)
        found = prediction_powered_mean([verdict for verdict, _ in pairs], pairs[:60])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.8 <= found.high
    assert 0.9 <= covered / 200 <= 0.99


def test_with_an_uninformative_judge_the_result_is_the_mean_of_the_labels() -> None:
    rng = random.Random(11)
    sample = [(float(rng.random() < 0.5), float(rng.random() < 0.8)) for _ in range(400)]
    found = prediction_powered_mean([0.0] * 5_000, sample)
    assert found is not None
    assert found.mean == pytest.approx(sum(label for _, label in sample) / 400, abs=0.06)


def test_fewer_than_two_labels_give_no_result() -> None:
    assert prediction_powered_mean([1.0, 0.0], [(1.0, 1.0)]) is None
    assert prediction_powered_mean([], []) is None
