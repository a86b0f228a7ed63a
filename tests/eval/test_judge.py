"""`citebrief eval judge`: figures over labelled pairs, and one clear line for a file that has none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rag.cli.main import cli
from rag.errors import UsageError
from rag.eval.judges.accuracy import Pair, measure_judge, read_pairs
from rag.verify.verifier import default_verifier

TEXT = (
    "Paul Manafort chaired the campaign from May to August 2016. Prosecutors said that Manafort lied about a meeting "
    "in New York. The Panama Canal opened to ships in August 1914."
)
ROWS = [
    {"claim": "Paul Manafort chaired the campaign from May to August 2016.", "evidence": TEXT, "label": "full"},
    {"claim": "The Panama Canal opened to ships in August 1914.", "evidence": TEXT, "label": "full", "source": "canal"},
    {"claim": "The Panama Canal opened to ships in August 1924.", "evidence": TEXT, "label": "none", "source": "canal"},
    {"claim": "Foege fought smallpox in Nigeria.", "evidence": TEXT, "label": "none"},
    {"claim": "Manafort lied in Madrid, prosecutors said.", "evidence": TEXT, "label": "partial"},
]


def lines() -> list[str]:
    return [json.dumps(row) for row in ROWS]


def test_the_figures_count_every_row_under_its_label_and_its_source() -> None:
    report = measure_judge(read_pairs(lines(), "pairs.jsonl"), default_verifier())
    assert report.n == 5
    assert report.confusion["full"] == {"full": 2, "partial": 0, "none": 0, "unscored": 0}
    assert sum(report.confusion["none"].values()) == 2
    assert report.confusion["none"]["full"] == 0
    assert report.balanced_accuracy == 1.0
    assert sum(row["n"] for row in report.reliability) == 5
    assert report.reliability[-1]["share_full"] == 1.0
    assert {source: row["n"] for source, row in report.by_source.items()} == {"all": 3, "canal": 2}


def test_a_figure_that_one_label_alone_leaves_undefined_is_none() -> None:
    report = measure_judge([Pair.model_validate(ROWS[0])], default_verifier())
    assert (report.balanced_accuracy, report.auc) == (None, None)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{broken", "line 2: the row"),
        ('{"claim": "a", "evidence": "b"}', "line 2: label"),
        ('{"claim": "a", "evidence": "b", "label": "maybe"}', "line 2: label"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(row: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        read_pairs([lines()[0], row], "pairs.jsonl")


def test_a_file_without_rows_is_an_error() -> None:
    with pytest.raises(UsageError, match="no rows"):
        read_pairs(["", " "], "pairs.jsonl")


def test_the_command_prints_the_figures_as_json(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines()), encoding="utf-8")
    done = CliRunner().invoke(cli, ["eval", "judge", str(tmp_path / "pairs.jsonl"), "--judge", "nli", "--json"])
    printed = json.loads(done.output)
    assert {"n", "balanced_accuracy", "auc", "confusion", "ece", "pairs_per_second", "by_source"} <= printed.keys()
    assert printed["n"] == 5
