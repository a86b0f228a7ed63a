"""Answered and refused: how often questions are answered that a collection answers, and others refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..runner.answerability_cases import AnswerabilityCase


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedCase:
    """A case, whether it was answered, and the highest probability that a passage answers it; None if none was read."""

    case: AnswerabilityCase
    answered: bool
    best: float | None

    @property
    def right(self) -> bool:
        """Whether it was answered if and only if the collection answers it."""
        return self.answered == self.case.answerable


def answerability_report(results: Sequence[AssessedCase]) -> dict[str, Any]:
    """Return the figures by collection, and what was decided on each question."""
    names = list(dict.fromkeys(result.case.collection for result in results))
    groups = {name: [result for result in results if result.case.collection == name] for name in names}
    if len(names) > 1:
        groups["all"] = list(results)
    return {
        "collections": {name: _figures(group) for name, group in groups.items()},
        "cases": [
            {
                "id": result.case.id,
                "collection": result.case.collection,
                "question": result.case.question,
                "answerable": result.case.answerable,
                "answered": result.answered,
                "best": None if result.best is None else round(result.best, 4),
            }
            for result in results
        ],
    }


def _figures(results: Sequence[AssessedCase]) -> dict[str, Any]:
    """Return the shares of each class that were decided right, and their mean; None for a class without cases."""
    shares = {}
    for name, answerable in (("answered", True), ("refused", False)):
        of_class = [result.right for result in results if result.case.answerable == answerable]
        shares[name] = round(sum(of_class) / len(of_class), 3) if of_class else None
    known = [share for share in shares.values() if share is not None]
    return {"questions": len(results), **shares, "balanced": round(sum(known) / len(known), 3)}


def format_answerability(report: dict[str, Any]) -> str:
    """Format the result of :func:`answerability_report` for a terminal: a table, then the questions decided wrongly."""
    head = "answered where there is an answer", "refused where there is none", "balanced"
    lines = [f"{'collection':14} {'questions':>9}  {'  '.join(head)}"]
    for name, row in report["collections"].items():
        shares = (f"{row[key]:.3f}" if row[key] is not None else "-" for key in ("answered", "refused", "balanced"))
        lines.append("{:14} {:9}  {:>33}  {:>27}  {:>8}".format(name, row["questions"], *shares))
    for case in report["cases"]:
        if case["answered"] != case["answerable"]:
            best = "" if case["best"] is None else f" ({case['best']:.2f})"
            lines.append(f"{'answered' if case['answered'] else 'refused'}{best}: {case['id']}: {case['question']}")
    return "\n".join(lines)
