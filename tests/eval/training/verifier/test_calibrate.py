"""``calibrate`` and ``measure``: the files that the verifier reads, and the table."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from rag.eval.training.verifier import calibrate, measure
from rag.eval.training.verifier.development import HALF, OTHER, REMOVED
from rag.eval.training.verifier.score import ScoredClaim, read_scores


def scored() -> list[ScoredClaim]:
    """Pairs of two domains whose logits lie around 2 and -2, and evidence that supports nothing around -3."""
    rng = np.random.default_rng(2)
    claims = [
        ScoredClaim(
            set="prose",
            source=("minutes", "contracts")[pair % 2],
            kind="fuse" if supported else "number",
            supported=supported,
            pair=pair,
            logit=float(rng.normal(2 if supported else -2)),
            token_logits=(-3.0, -3.0 if supported else 2.0),
            token_labels=(0, int(not supported)),
        )
        for pair in range(400)
        for supported in (True, False)
    ]
    for name in (REMOVED, OTHER, HALF):
        claims += [
            ScoredClaim(set=name, source="minutes", kind=name, supported=False, pair=None, logit=float(rng.normal(-3)))
            for _ in range(200)
        ]
    return claims


def test_the_files_have_what_the_verifier_reads(tmp_path: Path) -> None:
    options = calibrate.arguments().parse_args(["--scores", "s", "--name", "n", "--out", str(tmp_path)])
    config, report = calibrate.calibrate(scored(), options)
    assert config["calibration"]["scale"] == pytest.approx(4, abs=0.6)
    assert config["token_threshold"] == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)
    assert set(report["sets"]) == {"prose: minutes", "prose: contracts"}
    assert all(row["balanced_accuracy"] > 0.95 and row["n"] == 400 for row in report["sets"].values())
    assert report["ece_by_set"]["prose"] < 0.03
    assert report["at"]["gating"]["true_accepted"] == pytest.approx(0.92, abs=0.003)
    assert report["at"]["reattribution"]["unstated_accepted"] < 0.06


def test_scores_come_back_from_their_file_and_are_measured_by_flaw_and_source(tmp_path: Path) -> None:
    claims = scored()
    path = tmp_path / "scores.jsonl"
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in claims))
    assert read_scores(path) == claims
    config = {
        "alignment_weight": 2.0,
        "calibration": {"scale": 4.0, "shift": 0.0},
        "thresholds": {"gating": 0.1, "scoring": 0.5, "reattribution": 0.9},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    calibration, thresholds, alignment = measure.read_config(tmp_path / "config.json")
    assert alignment == 0.5
    report = measure.measure(read_scores(path, alignment), calibration, thresholds)
    assert set(report["prose"]) == {"all", "kind number", "source minutes", "source contracts"}
    assert report["prose"]["all"]["n"] == 800
    assert report["prose"]["all"]["order"] > 99
    assert report["prose"]["all"]["gating true"] >= report["prose"]["all"]["reattribution true"] > 80
    assert report[OTHER]["all"]["scoring false"] > 95
    assert "scoring true" not in report[OTHER]["all"]
    assert "prose, kind number" in measure.format_report(report)


def test_scores_without_evidence_that_supports_nothing_are_an_error() -> None:
    with pytest.raises(ValueError, match="the scores lack true claims of the set prose or of sentence removed"):
        calibrate.reattribution_claims([each for each in scored() if each.set == "prose"])
