"""Scored briefs → a scorecard: every metric's mean over questions with its interval, and what failed, counted.

Nothing is dropped on the way: a run that failed, a judge that gave no verdict, a refusal and an invalid citation count
as failures of what they failed, and the scorecard says how many there were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.errors import UsageError

from ..judges.judge import Judge, shipped_figures
from ..judges.labels import Label
from ..metrics import citations
from ..metrics.intervals import Interval, bootstrap, paired, prediction_powered
from .score import ScoredBrief

SCHEMA = "citebrief.scorecard/1"


def scorecard(scored: Sequence[ScoredBrief], judge: Judge, labels: Sequence[Label] = ()) -> dict[str, Any]:
    """The scorecard of ``scored`` by ``judge``, as plain JSON. ``labels`` are a person's verdicts on some sentences."""
    rows = [row for brief in scored for row in brief.rows]
    columns = {key: _column(key, scored) for key in citations.KEYS}
    return {
        "schema": SCHEMA,
        "judge": {"name": judge.name, **_known(judge, scored, labels), "gated": _gated(judge, scored)},
        "n": {
            "questions": len(scored),
            **{status: sum(brief.status == status for brief in scored) for status in
               ("answered", "insufficient_evidence", "failed")},
            "sentences": len(rows),
            "citations": sum(len(set(row.citations)) for row in rows),
        },
        "failures": {
            "failed_runs": sum(brief.status == "failed" for brief in scored),
            "refusals": sum(brief.status == "insufficient_evidence" and brief.answerable is True for brief in scored),
            "answered_without_evidence": sum(
                brief.status == "answered" and brief.answerable is False for brief in scored
            ),
            "invalid_citations": sum(len(row.invalid) for row in rows),
            "sentences_without_a_verdict": sum(row.support is None for row in rows),
        },
        "metrics": {key: _figure(bootstrap(column), len(scored)) for key, column in columns.items()},
        "corrected": _corrected(scored, labels),
        "cases": [
            {
                "id": brief.id,
                "question": brief.question,
                "status": brief.status,
                "answerable": brief.answerable,
                "error": brief.error,
                **{key: _rounded(value) for key, value in brief.values.items()},
            }
            for brief in scored
        ],
    }  # fmt: skip


def read_scorecard(path: Path) -> dict[str, Any]:
    """A scorecard from its file, or from the folder of a run.

    Raises:
        UsageError: there is none.
    """
    file = path / "scorecard.json" if path.is_dir() else path
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: no scorecard: {error}") from None
    if not isinstance(card, dict) or card.get("schema") != SCHEMA:
        raise UsageError(f'{file}: no scorecard: its "schema" is not {SCHEMA}')
    return card


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Metric → the change of its mean over the questions that both have, with interval, and a verdict in a word.

    "worse" and "better" are said only where the interval of the paired bootstrap leaves out 0. A question that was
    scored before and no longer is stands as missing; it is counted.
    """
    old = {case["id"]: case for case in before["cases"]}
    new = {case["id"]: case for case in after["cases"]}
    found: dict[str, dict[str, Any]] = {}
    for key in citations.KEYS:
        if key.startswith("abstention"):
            pairs = [(_abstention(key, old[i]), _abstention(key, new[i])) for i in old if i in new]
        else:
            pairs = [(old[i].get(key), new[i].get(key)) for i in old if i in new]
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        change = paired([a for a, _ in both], [b for _, b in both])
        found[key] = {
            "change": _figure(change, len(pairs)),
            "missing": sum(a is not None and b is None for a, b in pairs) + len(old.keys() - new.keys()),
            "verdict": _verdict(key, change),
        }
    return found


def as_text(card: Mapping[str, Any]) -> str:
    """``card`` as lines to read."""
    judge, n = card["judge"], card["n"]
    known = "its accuracy was not measured"
    if judge["balanced_accuracy"] is not None:
        known = f"balanced accuracy {judge['balanced_accuracy']:.3f} (n = {judge['n']}, {judge['measured_on']})"
    gated = "the same judge also gated the briefs" if judge["gated"] else "it did not gate the briefs"
    lines = [
        f"judge: {judge['name']}; {known}; {gated}",
        ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in n.items()),
        "counted as failures: " + ", ".join(f"{c} {name.replace('_', ' ')}" for name, c in card["failures"].items()),
        "",
    ]
    lines += [f"{key:24}{as_figure(figure)}" for key, figure in card["metrics"].items()]
    if corrected := card["corrected"]:
        lines += ["", "sentences fully supported, in truth (the judge corrected by labels): " + as_figure(corrected)]
    return "\n".join(lines)


def as_figure(figure: Mapping[str, Any]) -> str:
    """A mean with interval and n, or "unscored"."""
    if figure["mean"] is None:
        return "unscored"
    bounds = f"  [{figure['low']:.3f}, {figure['high']:.3f}]" if figure["low"] is not None else ""
    return f"{figure['mean']:9.3f}{bounds}  n = {figure['n']}"


def _column(key: str, scored: Sequence[ScoredBrief]) -> list[float]:
    """What the mean of ``key`` is taken over: a value for each question that has one."""
    if key.startswith("abstention"):
        found = [_abstention(key, {"status": brief.status, "answerable": brief.answerable}) for brief in scored]
    else:
        found = [brief.values[key] for brief in scored]
    return [value for value in found if value is not None]


def _abstention(key: str, case: Mapping[str, Any]) -> float | None:
    """One question's part in a share: did abstaining hit (precision), was an unanswerable one declined (recall)?"""
    if case["answerable"] is None:
        return None
    declined = case["status"] == "insufficient_evidence"
    share = citations.abstention_precision if key == "abstention_precision" else citations.abstention_recall
    return share([declined], [bool(case["answerable"])])


def _known(judge: Judge, scored: Sequence[ScoredBrief], labels: Sequence[Label]) -> dict[str, Any]:
    """The judge's balanced accuracy: on the labels of this very run, or as it was shipped."""
    pairs = [(row.support == "full", label.support == "full") for row, label in _labelled(scored, labels)]
    if len({truth for _, truth in pairs}) == 2:
        from sklearn.metrics import balanced_accuracy_score

        figure = float(balanced_accuracy_score([truth for _, truth in pairs], [said for said, _ in pairs]))
        return {
            "balanced_accuracy": round(figure, 4),
            "n": len(pairs),
            "measured_on": "sentences of these briefs that a person labelled",
        }
    return shipped_figures(judge) or {"balanced_accuracy": None, "n": 0, "measured_on": None}


def _gated(judge: Judge, scored: Sequence[ScoredBrief]) -> bool:
    return any(brief.verifier and brief.verifier == judge.name for brief in scored)


def _labelled(scored: Sequence[ScoredBrief], labels: Sequence[Label]) -> list[tuple[Any, Label]]:
    rows = {(brief.id, row.text): row for brief in scored for row in brief.rows}
    return [(rows[key], label) for label in labels if (key := (label.id, label.text)) in rows]


def _corrected(scored: Sequence[ScoredBrief], labels: Sequence[Label]) -> dict[str, Any] | None:
    judged = [float(row.support == "full") for brief in scored for row in brief.rows]
    sample = [
        (float(row.support == "full"), float(label.support == "full")) for row, label in _labelled(scored, labels)
    ]
    estimate = prediction_powered(judged, sample)
    return _figure(estimate, len(judged)) if estimate else None


def _figure(estimate: Interval | None, asked: int) -> dict[str, Any]:
    """A mean as JSON; ``unscored`` questions of those asked had no value."""
    if estimate is None:
        return {"mean": None, "low": None, "high": None, "n": 0, "unscored": asked}
    return {
        "mean": _rounded(estimate.mean), "low": _rounded(estimate.low), "high": _rounded(estimate.high),
        "n": estimate.n, "unscored": max(asked - estimate.n, 0),
    }  # fmt: skip


def _verdict(key: str, change: Interval | None) -> str:
    if change is None:
        return "unscored"
    if change.low is None or change.high is None or change.low <= 0 <= change.high:
        return "no change beyond noise"
    return "better" if (change.mean > 0) == (key in citations.HIGHER) else "worse"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
