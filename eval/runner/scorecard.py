"""Build a scorecard from scored briefs: the mean of each metric over questions with its interval, and failure counts.

Failures stay in the denominators: a failed run, a missing verdict, a refusal and an invalid citation lower the metrics
that they concern, and the scorecard counts them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from rag.verify.cascade import THEN

from ..judges.judge import Judge, packaged_figures
from ..judges.labels import Label
from ..metrics import citations
from ..metrics.intervals import Interval, bootstrap_mean, paired_difference, prediction_powered_mean
from .score import ScoredBrief, SentenceScore

SCORECARD_SCHEMA = "citebrief.scorecard/1"


def build_scorecard(scored: Sequence[ScoredBrief], judge: Judge, labels: Sequence[Label] = ()) -> dict[str, Any]:
    """Build the scorecard of ``scored`` as JSON values; ``labels`` are a person's verdicts on some sentences."""
    rows = [row for brief in scored for row in brief.rows]
    columns = {key: _column(key, scored) for key in citations.METRICS}
    return {
        "schema": SCORECARD_SCHEMA,
        "judge": {"name": judge.name, **_judge_accuracy(judge, scored, labels), "gated": _is_verifier(judge, scored)},
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
        "metrics": {key: _figure(bootstrap_mean(column), len(scored)) for key, column in columns.items()},
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
    """Read a scorecard from its file or from the directory of a run.

    Raises:
        UsageError: there is no file, or it is not a scorecard.
    """
    file = path / "scorecard.json" if path.is_dir() else path
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: not a scorecard: {error}") from None
    if not isinstance(card, dict) or card.get("schema") != SCORECARD_SCHEMA:
        raise UsageError(f'{file}: not a scorecard: its "schema" is not {SCORECARD_SCHEMA}')
    return card


def compare_scorecards(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Compare two scorecards by metric over the questions that both contain.

    Returns:
        Metric → ``change``, the mean difference with its interval; ``missing``, the number of questions scored before
        and unscored or absent after; ``verdict``, which is "worse" or "better" only if the paired bootstrap interval
        excludes 0.
    """
    old = {case["id"]: case for case in before["cases"]}
    new = {case["id"]: case for case in after["cases"]}
    changes: dict[str, dict[str, Any]] = {}
    for key in citations.METRICS:
        if key.startswith("abstention"):
            pairs = [(_abstention(key, old[i]), _abstention(key, new[i])) for i in old if i in new]
        else:
            pairs = [(old[i].get(key), new[i].get(key)) for i in old if i in new]
        scored_in_both = [(a, b) for a, b in pairs if a is not None and b is not None]
        change = paired_difference([a for a, _ in scored_in_both], [b for _, b in scored_in_both])
        changes[key] = {
            "change": _figure(change, len(pairs)),
            "missing": sum(a is not None and b is None for a, b in pairs) + len(old.keys() - new.keys()),
            "verdict": _verdict(key, change),
        }
    return changes


def format_scorecard(card: Mapping[str, Any]) -> str:
    """Format ``card`` for a terminal."""
    judge, n = card["judge"], card["n"]
    accuracy = "its accuracy was not measured"
    if judge["balanced_accuracy"] is not None:
        accuracy = f"balanced accuracy {judge['balanced_accuracy']:.3f} (n = {judge['n']}, {judge['measured_on']})"
    independence = "the same judge also gated the briefs" if judge["gated"] else "it did not gate the briefs"
    lines = [
        f"judge: {judge['name']}; {accuracy}; {independence}",
        ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in n.items()),
        "counted as failures: " + ", ".join(f"{c} {name.replace('_', ' ')}" for name, c in card["failures"].items()),
        "",
    ]
    lines += [f"{key:24}{format_figure(figure)}" for key, figure in card["metrics"].items()]
    if corrected := card["corrected"]:
        lines += [
            "",
            "sentences fully supported, in truth (the judge corrected by labels): " + format_figure(corrected),
        ]
    return "\n".join(lines)


def format_figure(figure: Mapping[str, Any]) -> str:
    """Format a mean with its interval and n, or "unscored"."""
    if figure["mean"] is None:
        return "unscored"
    bounds = f"  [{figure['low']:.3f}, {figure['high']:.3f}]" if figure["low"] is not None else ""
    return f"{figure['mean']:9.3f}{bounds}  n = {figure['n']}"


def _column(key: str, scored: Sequence[ScoredBrief]) -> list[float]:
    """Return the values of metric ``key``, one for each question that has one."""
    if key.startswith("abstention"):
        values = [_abstention(key, {"status": brief.status, "answerable": brief.answerable}) for brief in scored]
    else:
        values = [brief.values[key] for brief in scored]
    return [value for value in values if value is not None]


def _abstention(key: str, case: Mapping[str, Any]) -> float | None:
    """Return one question's value of an abstention metric: 0 or 1, or None if it is not in the denominator."""
    if case["answerable"] is None:
        return None
    declined = case["status"] == "insufficient_evidence"
    share = citations.abstention_precision if key == "abstention_precision" else citations.abstention_recall
    return share([declined], [bool(case["answerable"])])


def _judge_accuracy(judge: Judge, scored: Sequence[ScoredBrief], labels: Sequence[Label]) -> dict[str, Any]:
    """Return the judge's balanced accuracy on the labels of this run, or else the figure published with the package."""
    pairs = [
        (label.support == "full", row.support == "full")
        for row, label in _labelled(scored, labels)
        if row.support is not None
    ]
    if len({label for label, _ in pairs}) == 2:
        from sklearn.metrics import balanced_accuracy_score

        figure = float(balanced_accuracy_score(*zip(*pairs, strict=True)))
        return {
            "balanced_accuracy": round(figure, 4),
            "n": len(pairs),
            "measured_on": "sentences of these briefs that a person labelled",
        }
    return packaged_figures(judge) or {"balanced_accuracy": None, "n": 0, "measured_on": None}


def _is_verifier(judge: Judge, scored: Sequence[ScoredBrief]) -> bool:
    """Tell whether ``judge`` is the verifier, or one of two, that accepted sentences of a brief as it was written."""
    return any(set(brief.verifier.split(THEN)) & set(judge.name.split(THEN)) for brief in scored if brief.verifier)


def _labelled(scored: Sequence[ScoredBrief], labels: Sequence[Label]) -> list[tuple[SentenceScore, Label]]:
    """Pair each label with its sentence; labels of other runs are left out."""
    rows = {(brief.id, row.text): row for brief in scored for row in brief.rows}
    return [(rows[key], label) for label in labels if (key := (label.id, label.text)) in rows]


def _corrected(scored: Sequence[ScoredBrief], labels: Sequence[Label]) -> dict[str, Any] | None:
    """Estimate the true share of fully supported sentences from the verdicts and the labels."""
    judged = [float(row.support == "full") for brief in scored for row in brief.rows if row.support is not None]
    sample = [
        (float(row.support == "full"), float(label.support == "full"))
        for row, label in _labelled(scored, labels)
        if row.support is not None
    ]
    interval = prediction_powered_mean(judged, sample)
    return _figure(interval, len(judged)) if interval else None


def _figure(interval: Interval | None, questions: int) -> dict[str, Any]:
    """Convert ``interval`` to JSON; ``unscored`` is the number of ``questions`` without a value."""
    if interval is None:
        return {"mean": None, "low": None, "high": None, "n": 0, "unscored": questions}
    return {
        "mean": _rounded(interval.mean), "low": _rounded(interval.low), "high": _rounded(interval.high),
        "n": interval.n, "unscored": max(questions - interval.n, 0),
    }  # fmt: skip


def _verdict(key: str, change: Interval | None) -> str:
    if change is None:
        return "unscored"
    if change.low is None or change.high is None or change.low <= 0 <= change.high:
        return "no change beyond noise"
    return "better" if (change.mean > 0) == (key in citations.HIGHER_IS_BETTER) else "worse"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
