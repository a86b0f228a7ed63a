"""Did it get worse? Bars for metrics, and a baseline to hold against; told as JUnit XML and as Markdown."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from rag.errors import UsageError

from ..metrics import citations
from .scorecard import as_figure, compare

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_GATE = re.compile(r"\s*(\w+)\s*(>=|<=|==|>|<)\s*(\d*\.?\d+)\s*")

OF_THE_MACHINE = {"seconds"}
"""Not held against a baseline: another machine takes another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A bar: ``metric`` compared with ``bar``."""

    metric: str
    sign: str
    bar: float

    def __str__(self) -> str:
        return f"{self.metric}{self.sign}{self.bar:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdResult:
    """What became of one gate; ``failure`` is empty where it holds."""

    name: str
    failure: str = ""


def parse_threshold(text: str) -> Threshold:
    """``citation_recall>=0.90`` as a gate.

    Raises:
        UsageError: it is not written so, or there is no such metric.
    """
    found = _GATE.fullmatch(text)
    if found is None:
        raise UsageError(f"--gate {text!r}: write METRIC>=NUMBER, with one of {' '.join(_OPERATORS)}")
    if found[1] not in citations.KEYS:
        raise UsageError(f"--gate {text!r}: no metric {found[1]}; there are {', '.join(citations.KEYS)}")
    return Threshold(metric=found[1], sign=found[2], bar=float(found[3]))


def check_thresholds(
    card: Mapping[str, Any], gates: Sequence[Threshold], baseline: Mapping[str, Any] | None = None
) -> list[ThresholdResult]:
    """An outcome for each gate, and for each metric that ``baseline`` has. A metric that is unscored fails its gate.

    Raises:
        UsageError: the baseline was scored by another judge.
    """
    outcomes = []
    for gate in gates:
        figure = card["metrics"][gate.metric]
        holds = figure["mean"] is not None and _OPERATORS[gate.sign](figure["mean"], gate.bar)
        outcomes.append(ThresholdResult(name=str(gate), failure="" if holds else f"{gate.metric} is {_said(figure)}"))
    if baseline is not None:
        if baseline["judge"]["name"] != card["judge"]["name"]:
            raise UsageError(
                f"--baseline: scored by {baseline['judge']['name']}, this run by {card['judge']['name']}: "
                "score both with one judge"
            )
        for metric, found in compare(baseline, card).items():
            before = baseline["metrics"][metric]
            if metric in OF_THE_MACHINE or before["mean"] is None:
                continue
            failure = ""
            if found["verdict"] == "worse":
                failure = f"{metric} fell from {_said(before)} to {_said(card['metrics'][metric])}"
                if metric not in citations.HIGHER:
                    failure = failure.replace("fell", "rose", 1)
            elif found["missing"]:
                failure = f"{metric}: {found['missing']} questions that the baseline has are unscored or missing"
            outcomes.append(ThresholdResult(name=f"{metric} against the baseline", failure=failure))
    return outcomes


def junit(outcomes: Sequence[ThresholdResult]) -> str:
    """``outcomes`` as JUnit XML, a test case each."""
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    suite = ElementTree.Element(
        "testsuite", name="citebrief eval", tests=str(len(outcomes)), failures=str(failed), errors="0"
    )
    for outcome in outcomes:
        case = ElementTree.SubElement(suite, "testcase", classname="citebrief.gate", name=outcome.name)
        if outcome.failure:
            ElementTree.SubElement(case, "failure", message=outcome.failure).text = outcome.failure
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def markdown(card: Mapping[str, Any], outcomes: Sequence[ThresholdResult]) -> str:
    """The gates and the metrics as Markdown, for a build's summary page."""
    failed = [outcome for outcome in outcomes if outcome.failure]
    lines = [f"## citebrief: {'gate failed' if failed else 'gate passed' if outcomes else 'scores'}", ""]
    lines += [f"- **{outcome.name}**: {outcome.failure}" for outcome in failed]
    lines += [""] if failed else []
    lines += [f"Judge: {card['judge']['name']}", "", "| metric | mean and 95 % interval |", "|---|---|"]
    lines += [f"| {key} | {as_figure(figure).strip()} |" for key, figure in card["metrics"].items()]
    return "\n".join(lines) + "\n"


def _said(figure: Mapping[str, Any]) -> str:
    return " ".join(as_figure(figure).split())
