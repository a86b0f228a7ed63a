"""Thresholds and baselines on scorecards made for the purpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import pytest

from rag.errors import UsageError
from rag.eval.metrics.citations import METRICS
from rag.eval.runner.score import ScoredBrief
from rag.eval.runner.scorecard import build_scorecard, compare_scorecards
from rag.eval.runner.thresholds import check_thresholds, junit_xml, parse_threshold, step_summary
from rag.types import Verdict
from rag.verify import Premise

RECALLS = [0.9 + 0.005 * n for n in range(12)]


class NamedJudge:
    """A judge without verdicts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        return []


def make_card(recalls: Sequence[float], judge: str = "a judge", **values: float) -> dict[str, Any]:
    """Build the scorecard of questions with the given citation recalls and, the same for all, other ``values``."""
    scored = [
        ScoredBrief(
            id=f"q{n}",
            question="?",
            status="answered",
            values={**dict.fromkeys(METRICS), **values, "citation_recall": recall},
        )
        for n, recall in enumerate(recalls)
    ]
    return build_scorecard(scored, NamedJudge(judge))


def failures(results: Sequence[Any]) -> dict[str, str]:
    return {result.name: result.failure for result in results if result.failure}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("citation_recall", "--gate 'citation_recall': write METRIC>=NUMBER"),
        ("beauty>=1", "--gate 'beauty>=1': no metric beauty"),
        ("citation_recall>=much", "--gate 'citation_recall>=much': write METRIC>=NUMBER"),
    ],
)
def test_a_malformed_threshold_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_threshold(text)


def test_a_threshold_compares_the_mean_of_its_metric() -> None:
    card = make_card([0.8, 1.0])
    thresholds = [parse_threshold(text) for text in ("citation_recall>=0.9", "citation_recall > 0.9")]
    assert list(failures(check_thresholds(card, thresholds))) == ["citation_recall>0.9"]


def test_an_unscored_metric_fails_its_threshold() -> None:
    results = check_thresholds(make_card(RECALLS), [parse_threshold("nugget_recall>=0")])
    assert failures(results) == {"nugget_recall>=0": "nugget_recall is unscored"}


def test_an_equal_scorecard_passes_its_baseline() -> None:
    assert failures(check_thresholds(make_card(RECALLS), [], make_card(RECALLS))) == {}


def test_a_significant_fall_fails_the_baseline() -> None:
    card = make_card([recall - 0.05 for recall in RECALLS])
    [(name, failure)] = failures(check_thresholds(card, [], make_card(RECALLS))).items()
    assert name == "citation_recall against the baseline"
    assert failure.startswith("citation_recall fell from")


def test_a_rise_of_a_metric_where_lower_is_better_fails_the_baseline() -> None:
    results = check_thresholds(make_card(RECALLS, redundancy=0.5), [], make_card(RECALLS, redundancy=0.2))
    [(name, failure)] = failures(results).items()
    assert name == "redundancy against the baseline"
    assert failure.startswith("redundancy rose from")


def test_a_change_of_time_does_not_fail_the_baseline() -> None:
    assert failures(check_thresholds(make_card(RECALLS, seconds=9.0), [], make_card(RECALLS, seconds=1.0))) == {}


def test_questions_missing_from_the_scorecard_fail_the_baseline() -> None:
    found = failures(check_thresholds(make_card(RECALLS[:1]), [], make_card(RECALLS)))
    message = "citation_recall: 11 questions that the baseline has are unscored or missing"
    assert found == {"citation_recall against the baseline": message}


def test_a_baseline_by_another_judge_is_refused() -> None:
    with pytest.raises(UsageError, match="scored by another judge, this run by a judge: score both with one judge"):
        check_thresholds(make_card(RECALLS), [], make_card(RECALLS, judge="another judge"))


def test_a_change_within_the_interval_is_no_change() -> None:
    noisy = [recall + (0.01 if n % 2 else -0.01) for n, recall in enumerate(RECALLS)]
    changes = compare_scorecards(make_card(RECALLS), make_card(noisy))
    assert changes["citation_recall"]["verdict"] == "no change beyond noise"


def test_the_reports_name_each_failure() -> None:
    card = make_card(RECALLS)
    results = check_thresholds(card, [parse_threshold(text) for text in ("citation_recall>=0", "cost<1")])
    root = ElementTree.fromstring(junit_xml(results))
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    assert [failure.get("message") for failure in root.iter("failure")] == ["cost is unscored"]
    assert "- **cost<1**: cost is unscored" in step_summary(card, results)


@pytest.mark.parametrize(("unscored", "holds"), [(1, True), (2, False)])
def test_a_threshold_on_verdicts_does_not_hold_where_the_judge_gave_too_few(unscored: int, holds: bool) -> None:
    card = make_card([1.0, 1.0])
    card["n"]["sentences"], card["failures"]["sentences_without_a_verdict"] = 20, unscored
    found = failures(check_thresholds(card, [parse_threshold("citation_recall>=0.9")]))
    assert found == ({} if holds else {"citation_recall>=0.9": "citation_recall: 2 of 20 sentences have no verdict"})
