"""Recall of true and of false claims: how many a judge accepts and refuses rightly, by threshold, kind and source.

Both error rates are given apart, because a judge that refuses everything and one that accepts everything have the same
balanced accuracy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

THRESHOLDS = (0.3, 0.5, 0.7, 0.9)
"""Scores from which a claim counts as accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Recall of ``n_true`` true and of ``n_false`` false claims, 0 to 1; None without such claims.

    A claim without a verdict counts as not accepted.
    """

    n_true: int
    true: float | None
    n_false: int
    false: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallTable:
    """Recall at one ``threshold`` on the score; None stands for the judge's own verdicts."""

    threshold: float | None
    overall: Recall
    by_kind: Mapping[str, Recall]
    by_source: Mapping[str, Recall]


def recall_tables(
    groups: Sequence[tuple[str, str]], labels: Sequence[bool], verdicts: Sequence[bool], scores: Sequence[float]
) -> list[RecallTable]:
    """Return the table of the judge's verdicts, then one for each of :data:`THRESHOLDS`.

    Args:
        groups: kind and source of each claim; an empty kind is left out of the tables by kind.
        labels: whether each claim is true.
        verdicts: whether the judge accepted it.
        scores: the judge's score of it.
    """
    accepted: list[tuple[float | None, Sequence[bool]]] = [(None, verdicts)]
    accepted += [(threshold, [score >= threshold for score in scores]) for threshold in THRESHOLDS]
    by_kind, by_source = _positions([kind for kind, _ in groups]), _positions([source for _, source in groups])
    return [
        RecallTable(
            threshold=threshold,
            overall=_recall(range(len(labels)), labels, marks),
            by_kind={kind: _recall(rows, labels, marks) for kind, rows in by_kind.items()},
            by_source={source: _recall(rows, labels, marks) for source, rows in by_source.items()},
        )
        for threshold, marks in accepted
    ]


def format_recall(tables: Sequence[RecallTable]) -> list[str]:
    """Format ``tables`` as lines: a row for each group, a column for each threshold."""
    first = tables[0]
    names = ["verdict" if table.threshold is None else f">= {table.threshold:g}" for table in tables]
    rows = [("all", first.overall, [table.overall for table in tables])]
    rows += [
        (f"kind {kind}", found, [table.by_kind[kind] for table in tables]) for kind, found in first.by_kind.items()
    ]
    if len(first.by_source) > 1:
        rows += [
            (f"source {source}", found, [table.by_source[source] for table in tables])
            for source, found in first.by_source.items()
        ]
    width = max(len(name) for name, *_ in rows) + 2
    lines = ["recall of true / of false claims, by the judge's verdict and by thresholds on its score"]
    lines.append(" " * width + f"{'true':>6}{'false':>6}" + "".join(f"{name:>15}" for name in names))
    lines += [
        f"{name:{width}}{found.n_true:>6}{found.n_false:>6}"
        + "".join(f"{_share(cell.true):>8} /{_share(cell.false):>5}" for cell in cells)
        for name, found, cells in rows
    ]
    return lines


def _positions(names: Sequence[str]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        if name:
            found[name].append(at)
    return dict(sorted(found.items()))


def _recall(rows: Sequence[int], labels: Sequence[bool], accepted: Sequence[bool]) -> Recall:
    true = [accepted[at] for at in rows if labels[at]]
    false = [not accepted[at] for at in rows if not labels[at]]
    return Recall(
        n_true=len(true),
        true=round(sum(true) / len(true), 4) if true else None,
        n_false=len(false),
        false=round(sum(false) / len(false), 4) if false else None,
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
