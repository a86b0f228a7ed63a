"""Intervals hold what they promise, on numbers drawn for the purpose."""

from __future__ import annotations

import random

import pytest

from rag.eval.metrics.intervals import bootstrap, paired, prediction_powered


def test_a_mean_has_its_interval_around_it_and_the_same_one_every_time() -> None:
    rng = random.Random(1)
    values = [rng.gauss(0.8, 0.1) for _ in range(50)]
    found = bootstrap(values)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.mean < found.high
    assert bootstrap(values) == found


def test_values_that_are_all_alike_have_no_width() -> None:
    found = bootstrap([1.0] * 8)
    assert found is not None
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)


def test_one_value_has_no_interval_and_none_no_mean() -> None:
    one = bootstrap([0.5])
    assert one is not None
    assert (one.mean, one.low, one.high, one.n) == (0.5, None, None, 1)
    assert bootstrap([]) is None


def test_pairing_finds_a_small_change_that_two_wide_intervals_hide() -> None:
    rng = random.Random(3)
    before = [rng.random() for _ in range(40)]
    after = [value - 0.05 + rng.gauss(0, 0.01) for value in before]
    change = paired(before, after)
    assert change is not None
    assert change.high is not None
    assert change.high < 0
    first, second = bootstrap(before), bootstrap(after)
    assert first is not None
    assert second is not None
    assert first.low is not None
    assert second.high is not None
    assert second.high > first.low


def labelled(n: int, seed: int) -> list[tuple[float, float]]:
    """(verdict, label): 80 % are true; a judge that calls a tenth of either kind wrong."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(n):
        truth = rng.random() < 0.8
        pairs.append((float(truth if rng.random() < 0.9 else not truth), float(truth)))
    return pairs


def test_labels_correct_a_judge_that_errs() -> None:
    everything = labelled(3_000, 5)
    judged = [said for said, _ in everything]
    assert sum(judged) / len(judged) == pytest.approx(0.74, abs=0.02)  # the judge alone is six points off
    found = prediction_powered(judged, everything[:200])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.8 < found.high
    assert found.high - found.low < 2 * 1.96 * (0.8 * 0.2 / 200) ** 0.5  # narrower than the labels alone


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        everything = labelled(600, seed)
        found = prediction_powered([said for said, _ in everything], everything[:60])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.8 <= found.high
    assert 0.9 <= held / 200 <= 0.99


def test_a_judge_that_knows_nothing_leaves_the_labels_their_say() -> None:
    rng = random.Random(11)
    sample = [(float(rng.random() < 0.5), float(rng.random() < 0.8)) for _ in range(400)]
    found = prediction_powered([0.0] * 5_000, sample)
    assert found is not None
    assert found.mean == pytest.approx(sum(label for _, label in sample) / 400, abs=0.06)


def test_too_few_labels_correct_nothing() -> None:
    assert prediction_powered([1.0, 0.0], [(1.0, 1.0)]) is None
    assert prediction_powered([], []) is None
