"""Check a scorecard against thresholds and a baseline; report the results as JUnit XML and as Markdown."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from rag.errors import UsageError

from ..metrics import citations
from .scorecard import compare_scorecards, format_figure

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_THRESHOLD = re.compile(r"\s*(\w+)\s*(>=|<=|==|>|<)\s*(\d*\.?\d+)\s*")

MOST_UNSCORED = 0.05
"""Share of sentences without a verdict up to which a threshold on verdicts can hold; they may be the hard ones."""

MACHINE_DEPENDENT = {"seconds"}
"""Metrics that are not compared with a baseline, since they depend on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A condition on the mean of a metric, such as ``citation_recall>=0.9``."""

    metric: str
    operator: str
    value: float

    def __str__(self) -> str:
        return f"{self.metric}{self.operator}{self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdResult:
    """The result of one threshold or of one comparison with the baseline; ``failure`` is empty if it holds."""

    name: str
    failure: str = ""


def parse_threshold(text: str) -> Threshold:
    """Parse a threshold such as ``citation_recall>=0.90``.

    Raises:
        UsageError: the text has another form, or the metric does not exist.
    """
    found = _THRESHOLD.fullmatch(text)
    if found is None:
        raise UsageError(f"--gate {text!r}: write METRIC>=NUMBER, with one of {' '.join(_OPERATORS)}")
    if found[1] not in citations.METRICS:
        raise UsageError(f"--gate {text!r}: no metric {found[1]}; there are {', '.join(citations.METRICS)}")
    return Threshold(metric=found[1], operator=found[2], value=float(found[3]))


def check_thresholds(
    card: Mapping[str, Any], thresholds: Sequence[Threshold], baseline: Mapping[str, Any] | None = None
) -> list[ThresholdResult]:
    """Check each threshold, and each metric of ``baseline``.

    An unscored metric fails its threshold, as does one on verdicts where the judge gave too few.

    Raises:
        UsageError: the baseline was scored by another judge.
    """
    results = []
    for threshold in thresholds:
        figure = card["metrics"][threshold.metric]
        holds = figure["mean"] is not None and _OPERATORS[threshold.operator](figure["mean"], threshold.value)
        failure = "" if holds else f"{threshold.metric} is {_on_one_line(figure)}"
        unscored, sentences = card["failures"]["sentences_without_a_verdict"], card["n"]["sentences"]
        if holds and threshold.metric in citations.OF_VERDICTS and unscored > MOST_UNSCORED * sentences:
            failure = f"{threshold.metric}: {unscored} of {sentences} sentences have no verdict"
        results.append(ThresholdResult(name=str(threshold), failure=failure))
    if baseline is not None:
        if baseline["judge"]["name"] != card["judge"]["name"]:
            raise UsageError(
                f"--baseline: scored by {baseline['judge']['name']}, this run by {card['judge']['name']}: "
                "score both with one judge"
            )
        for metric, comparison in compare_scorecards(baseline, card).items():
            before = baseline["metrics"][metric]
            if metric in MACHINE_DEPENDENT or before["mean"] is None:
                continue
            failure = ""
            if comparison["verdict"] == "worse":
                failure = f"{metric} fell from {_on_one_line(before)} to {_on_one_line(card['metrics'][metric])}"
                if metric not in citations.HIGHER_IS_BETTER:
                    failure = failure.replace("fell", "rose", 1)
            elif comparison["missing"]:
                failure = f"{metric}: {comparison['missing']} questions that the baseline has are unscored or missing"
            results.append(ThresholdResult(name=f"{metric} against the baseline", failure=failure))
    return results


def junit_xml(results: Sequence[ThresholdResult]) -> str:
    """Format ``results`` as JUnit XML, one test case each."""
    failed = sum(bool(result.failure) for result in results)
    suite = ElementTree.Element(
        "testsuite", name="citebrief eval", tests=str(len(results)), failures=str(failed), errors="0"
    )
    for result in results:
        case = ElementTree.SubElement(suite, "testcase", classname="citebrief.gate", name=result.name)
        if result.failure:
            ElementTree.SubElement(case, "failure", message=result.failure).text = result.failure
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def step_summary(card: Mapping[str, Any], results: Sequence[ThresholdResult]) -> str:
    """Format failed thresholds and all metrics as Markdown for the summary page of a CI build."""
    failed = [result for result in results if result.failure]
    lines = [f"## citebrief: {'gate failed' if failed else 'gate passed' if results else 'scores'}", ""]
    lines += [f"- **{result.name}**: {result.failure}" for result in failed]
    lines += [""] if failed else []
    lines += [f"Judge: {card['judge']['name']}", "", "| metric | mean and 95 % interval |", "|---|---|"]
    lines += [f"| {key} | {format_figure(figure).strip()} |" for key, figure in card["metrics"].items()]
    return "\n".join(lines) + "\n"


def _on_one_line(figure: Mapping[str, Any]) -> str:
    return " ".join(format_figure(figure).split())
