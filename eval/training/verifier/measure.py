"""Print how good the verifier is on the development sets: by set, by kind of flaw and by source. ::

    python -m eval.training.verifier.measure --scores work/scores.jsonl --config rag/verify/support/weights/config.json

Recall is the share of true claims accepted and of false ones refused at a threshold. ``order`` is the share of true
claims whose logit is above that of their false twin. The sets "claim alone" have no evidence: a balanced accuracy there
above 56 would show that the claims give their label away.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import figures
from .score import ScoredClaim, read_scores
from .thresholds import Calibration, Thresholds

Row = dict[str, float | int]
"""Figures of some claims, in percent; those that need claims of both labels are absent without them."""


def measure(
    claims: Sequence[ScoredClaim], calibration: Calibration, thresholds: Thresholds
) -> dict[str, dict[str, Row]]:
    """Return for each set the figures of all its claims, of each kind of flaw and of each source.

    The claims of a kind are the false ones with that flaw and the true ones of which these are the twins.
    """

    def rows(groups: Mapping[str, Sequence[ScoredClaim]], prefix: str) -> dict[str, Row]:
        return {f"{prefix}{name}": figures_of(part, calibration, thresholds) for name, part in sorted(groups.items())}

    report = {}
    for name, group in grouped(claims, lambda claim: claim.set).items():
        sources = grouped(group, lambda claim: claim.source)
        report[name] = {
            "all": figures_of(group, calibration, thresholds),
            **rows(_by_flaw(group), "kind "),
            **(rows(sources, "source ") if len(sources) > 1 else {}),
        }
    return report


def figures_of(claims: Sequence[ScoredClaim], calibration: Calibration, thresholds: Thresholds) -> Row:
    """Return the figures of ``claims``."""
    logits = np.array([claim.logit for claim in claims])
    supported = np.array([claim.supported for claim in claims])
    scores = calibration.scores(logits)
    row: Row = {"n": len(claims)}
    if 0 < supported.sum() < len(claims):
        row["balanced"] = _percent(figures.balanced_accuracy(scores, supported, thresholds.scoring))
        row["auc"] = _percent(figures.auc(logits, supported))
        row["ece"] = _percent(figures.calibration_error(scores, supported))
    order, pairs = figures.pair_order(logits, supported, [claim.pair for claim in claims])
    if pairs:
        row |= {"order": _percent(order), "pairs": pairs}
    for name, threshold in asdict(thresholds).items():
        if supported.any():
            row[f"{name} true"] = _percent((scores[supported] >= threshold).mean())
        if not supported.all():
            row[f"{name} false"] = _percent((scores[~supported] < threshold).mean())
    return row


def grouped(claims: Sequence[ScoredClaim], key: Callable[[ScoredClaim], str]) -> dict[str, list[ScoredClaim]]:
    """Return the claims by ``key``, in order."""
    groups: defaultdict[str, list[ScoredClaim]] = defaultdict(list)
    for claim in claims:
        groups[key(claim)].append(claim)
    return dict(groups)


def _by_flaw(claims: Sequence[ScoredClaim]) -> dict[str, list[ScoredClaim]]:
    flaws = {claim.pair: claim.kind for claim in claims if claim.pair is not None and not claim.supported}
    groups: defaultdict[str, list[ScoredClaim]] = defaultdict(list)
    for claim in claims:
        if claim.pair in flaws:
            groups[flaws[claim.pair]].append(claim)
    return dict(groups)


def _percent(share: float) -> float:
    return round(100 * float(share), 1)


def format_report(report: Mapping[str, Mapping[str, Row]]) -> str:
    """Return the figures as a table."""
    columns = list(dict.fromkeys(column for rows in report.values() for row in rows.values() for column in row))
    width = max(len(f"{name}, {part}") for name, rows in report.items() for part in rows) + 2
    lines = [" " * width + "".join(f"{column:>{len(column) + 2}}" for column in columns)]
    for name, rows in report.items():
        for part, row in rows.items():
            cells = (f"{row.get(column, ''):>{len(column) + 2}}" for column in columns)
            lines.append(f"{f'{name}, {part}':{width}}" + "".join(cells))
    return "\n".join(lines)


def read_config(path: Path) -> tuple[Calibration, Thresholds, float]:
    """Read the calibration, the thresholds and the alignment model's share of a logit from a ``config.json``."""
    config = json.loads(path.read_text(encoding="utf-8"))
    calibration = Calibration(**config["calibration"])
    return calibration, Thresholds(**config["thresholds"]), config["alignment_weight"] / calibration.scale


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True, help="file that score.py wrote")
    parser.add_argument("--config", type=Path, required=True, help="file that calibrate.py wrote")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    calibration, thresholds, alignment = read_config(options.config)
    report = measure(read_scores(options.scores, alignment), calibration, thresholds)
    print(json.dumps(report, indent=1) if options.json else format_report(report))


if __name__ == "__main__":
    main()
