"""Learning rate and sources by the share of the tokens."""

from __future__ import annotations

import pytest

from rag.eval.training.verifier.schedule import Schedule, parse_stages

SCHEDULE = Schedule(rate=1.0, warmup=10, decay=0.6)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    rates = [SCHEDULE.learning_rate(step, progress) for step, progress in ((0, 0), (4, 0.1), (9, 0.1), (50, 0.59))]
    assert rates == pytest.approx([0.1, 0.5, 1, 1])
    assert [SCHEDULE.learning_rate(99, each) for each in (0.8, 1.0)] == pytest.approx([0.5, 0.02])


def test_entailment_comes_first_and_prose_last() -> None:
    shares = [
        sum(SCHEDULE.is_entailment(step, progress) for step in range(1000)) / 1000 for progress in (0.1, 0.3, 0.9)
    ]
    assert shares == pytest.approx([1, 0.3, 0.1], abs=0.05)


def test_stages_are_read_and_must_reach_the_end() -> None:
    assert [(stage.until, stage.entailment) for stage in parse_stages(["0.2:1", "1:0"])] == [(0.2, 1), (1, 0)]
    with pytest.raises(ValueError, match="the last stage must end at 1"):
        parse_stages(["0.5:1"])
    with pytest.raises(ValueError, match="stage 1: write UNTIL:ENTAILMENT"):
        parse_stages(["1"])
    with pytest.raises(ValueError, match=r"stage 0\.1:1: its end must come after"):
        parse_stages(["0.5:1", "0.1:1", "1:1"])
