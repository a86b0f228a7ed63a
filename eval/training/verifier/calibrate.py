"""Calibrate the verifier, choose its thresholds on development scores, write ``config.json`` and ``figures.json``. ::

    python -m eval.training.verifier.calibrate --scores work/scores.jsonl --name citebrief-support/4 \\
                                               --out rag/verify/support/weights

The logit of a claim is the cross-encoder's plus ``--alignment`` times the alignment model's; weight and threshold of
near copies are options, chosen on planted faults (``faults.py``). The score of a claim is
``sigmoid(scale * logit + shift)``: the probability of support where half the claims are supported
(Platt, 1999). Claims are weighted so that each set, and within a set each class, counts the same. Thresholds are on the
score:

- gating, for a model's own draft: the highest threshold that refuses at most the share ``--refused`` of true claims.
  Nine in ten of its sentences are true: at equal costs the least expected cost would accept almost everything, evidence
  that does not state the claim included, until AUC is far higher. So the share of true sentences lost is fixed.
- scoring: the highest balanced accuracy, for sentences of unknown origin.
- reattribution: the lowest threshold with precision ``--precision``, where half the candidate passages state the claim
  and the others are passages of the same document, the passage without a needed sentence, and one of two passages.
- partial: what one in ten true claims reaches beside the most similar other passage, at most the gating threshold.
- token_threshold: the probability of the head for unsupported words with the highest F1 on false twins.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rag.verify.support.merged import common_digest

from . import figures as measures
from .development import HALF, OTHER, REMOVED
from .figures import Labels, Values
from .score import ScoredClaim, read_scores
from .thresholds import (
    Claims,
    Thresholds,
    fit_scale,
    least_cost,
    precise_threshold,
    refusing_threshold,
    token_threshold,
)

SETS = ("prose", "written", "joined", "wice", "scifact")
"""Sets with both classes; each is used if the file of scores has it."""

UNRELATED_IN_PART = 0.1
"""Share of the claims beside another passage that may count as supported in part."""

DOMAIN_SETS = frozenset({"prose", "written"})
"""Sets whose sources are domains: each is left out in turn. A source of any other set is the set."""


def reattribution_claims(claims: Sequence[ScoredClaim]) -> Claims:
    """Return true claims of prose and joined with their evidence, and with evidence that does not state them."""
    stated = [claim for claim in claims if claim.set in {"prose", "joined"} and claim.supported]
    unstated = [[claim for claim in claims if claim.set == name] for name in (REMOVED, OTHER, HALF)]
    unstated = [group for group in unstated if group]
    if not stated or not unstated:
        raise ValueError(f"the scores lack true claims of the set prose or of {REMOVED}, {OTHER}, {HALF}")
    weights = [np.full(len(stated), 0.5 / len(stated))]
    weights += [np.full(len(group), 0.5 / len(group) / len(unstated)) for group in unstated]
    everything = [*stated, *(claim for group in unstated for claim in group)]
    return Claims(
        logits=np.array([claim.logit for claim in everything]),
        supported=np.arange(len(everything)) < len(stated),
        weights=np.concatenate(weights),
    )


def by_source(claims: Sequence[ScoredClaim]) -> dict[str, list[ScoredClaim]]:
    """Return the claims of :data:`SETS` by set and, where the sources are domains, source."""
    groups: dict[str, list[ScoredClaim]] = {}
    for claim in claims:
        if claim.set in SETS:
            name = f"{claim.set}: {claim.source}" if claim.set in DOMAIN_SETS else claim.set
            groups.setdefault(name, []).append(claim)
    return {name: group for name, group in groups.items() if len({claim.supported for claim in group}) == 2}


def _present(claims: Sequence[ScoredClaim]) -> list[str]:
    """Return the names of :data:`SETS` of which there are claims."""
    return [name for name in SETS if any(claim.set == name for claim in claims)]


def left_out_figures(claims: Sequence[ScoredClaim]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return figures of each source, calibrated and with a threshold chosen on all others; and ECE of each set."""
    groups = by_source(claims)
    rows: dict[str, Any] = {}
    pooled: dict[str, list[tuple[Values, Labels]]] = {}
    for name, group in groups.items():
        others = Claims.of([other for each, other in groups.items() if each != name] or [group])
        calibration = fit_scale(others)
        threshold = least_cost(calibration.scores(others.logits), others.supported, others.weights, 0.5, 1.0)
        own = Claims.of([group])
        scores = calibration.scores(own.logits)
        order, pairs = measures.pair_order(own.logits, own.supported, [claim.pair for claim in group])
        rows[name] = {
            "n": len(group),
            "balanced_accuracy": round(measures.balanced_accuracy(scores, own.supported, threshold), 4),
            "auc": round(measures.auc(own.logits, own.supported), 4),
            "true_accepted": round(float((scores[own.supported] >= threshold).mean()), 4),
            "false_refused": round(float((scores[~own.supported] < threshold).mean()), 4),
            "ece": round(measures.calibration_error(scores, own.supported), 4),
            **({"pair_order": round(order, 4), "pairs": pairs} if pairs else {}),
        }
        pooled.setdefault(group[0].set, []).append((scores, own.supported))
    errors = {
        name: round(
            measures.calibration_error(
                np.concatenate([scores for scores, _ in parts]), np.concatenate([labels for _, labels in parts])
            ),
            4,
        )
        for name, parts in pooled.items()
    }
    return rows, errors


def calibrate(claims: Sequence[ScoredClaim], options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the contents of ``config.json`` (without the model's identity) and of ``figures.json``."""
    fitted = Claims.of([[claim for claim in claims if claim.set == name] for name in _present(claims)])
    calibration = fit_scale(fitted)
    scores = calibration.scores(fitted.logits)
    candidates = reattribution_claims(claims)
    candidate_scores = calibration.scores(candidates.logits)
    thresholds = Thresholds(
        gating=refusing_threshold(scores[fitted.supported], fitted.weights[fitted.supported], options.refused),
        scoring=least_cost(scores, fitted.supported, fitted.weights, 0.5, 1.0),
        reattribution=precise_threshold(candidate_scores, candidates.supported, candidates.weights, options.precision),
    )
    unrelated = calibration.scores(np.array([claim.logit for claim in claims if claim.set == OTHER]))
    partial = min(thresholds.gating, float(np.quantile(unrelated, 1 - UNRELATED_IN_PART)))
    token, f1 = token_threshold([claim for claim in claims if claim.set in SETS])
    config: dict[str, Any] = {
        "alignment_weight": round(calibration.scale * options.alignment, 5),
        "copies": {"alignment_weight": options.copy_alignment, "threshold": options.copy_threshold},
        "calibration": {"scale": round(calibration.scale, 5), "shift": round(calibration.shift, 5)},
        "thresholds": {name: round(value, 4) for name, value in (asdict(thresholds) | {"partial": partial}).items()},
        "token_threshold": round(token, 4),
    }
    rows, errors = left_out_figures(claims)
    mean = {
        key: round(float(np.mean([row[key] for row in rows.values()])), 4)
        for key in ("balanced_accuracy", "auc", "true_accepted", "false_refused", "ece")
    }
    report = {
        "sets": rows,
        "mean": mean,
        "ece_by_set": errors,
        "at": {
            name: _at(value, scores, fitted, candidate_scores, candidates) for name, value in asdict(thresholds).items()
        },
        "gating_refused": options.refused,
        "reattribution_precision": options.precision,
        "token_f1": round(f1, 4),
    }
    return config, report


def _at(threshold: float, scores: Values, claims: Claims, candidates: Values, moved: Claims) -> dict[str, float]:
    def share(values: Values, of: Claims, supported: bool) -> float:
        chosen = of.supported == supported
        return round(float(np.average(values[chosen] >= threshold, weights=of.weights[chosen])), 4)

    return {
        "true_accepted": share(scores, claims, True),
        "false_refused": round(1 - share(scores, claims, False), 4),
        "unstated_accepted": share(candidates, moved, False),
    }


def arguments() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True, help="file that score.py wrote")
    parser.add_argument("--name", required=True, help="name of the model, such as citebrief-support/4")
    parser.add_argument("--out", type=Path, required=True, help="directory for config.json and figures.json")
    parser.add_argument("--max-evidence", type=int, default=384, help="tokens of the evidence in the scores")
    parser.add_argument("--max-claim", type=int, default=96, help="tokens of a claim in the scores")
    parser.add_argument(
        "--alignment", type=float, default=0.42, help="weight of the alignment model's logit; the cross-encoder's is 1"
    )
    parser.add_argument(
        "--copy-alignment", type=float, default=0.5, help="weight of its log-odds on near copies of the evidence"
    )
    parser.add_argument("--copy-threshold", type=float, default=0.5, help="threshold of near copies")
    parser.add_argument("--refused", type=float, default=0.08, help="share of true claims that gating may refuse")
    parser.add_argument("--precision", type=float, default=0.95, help="precision of moved citations")
    return parser


def main() -> None:
    """Write the two files and print them."""
    options = arguments().parse_args()
    config, report = calibrate(read_scores(options.scores, options.alignment), options)
    identity = {
        "name": options.name,
        "base_difference_sha256": common_digest(),
        "max_evidence_tokens": options.max_evidence,
        "max_claim_tokens": options.max_claim,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name, contents in (("config.json", identity | config), ("figures.json", report)):
        text = json.dumps(contents, indent=1) + "\n"
        (options.out / name).write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
