"""Thresholds, reports and labels through the command line of ``citebrief eval``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from rag.eval.judges.labels import read_labels

if TYPE_CHECKING:
    from conftest import EvalCommands

pytestmark = pytest.mark.integration


def test_a_failed_threshold_exits_with_3_and_is_named_in_every_report(
    commands: EvalCommands, finished_run: Path, tmp_path: Path
) -> None:
    junit, summary = tmp_path / "thresholds.xml", tmp_path / "summary.md"
    result = commands.invoke(
        "eval", "score", str(finished_run / "briefs" / "seychelles.json"), "--gate", "citation_recall>=0.9", "--gate",
        "invalid_citation_rate==0", "--gate", "redundancy<0", "--junit", str(junit), "--quiet",
        env={"GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert result.exit_code == 3
    assert "gate redundancy<0: redundancy is" in result.stderr
    root = ElementTree.parse(junit).getroot()
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    assert "gate failed" in summary.read_text()
    assert "**redundancy<0**" in summary.read_text()


def test_a_threshold_on_an_unscored_metric_fails(commands: EvalCommands, finished_run: Path) -> None:
    brief = str(finished_run / "briefs" / "seychelles.json")
    result = commands.invoke("eval", "score", brief, "--gate", "nugget_recall>=0", "--quiet")
    assert result.exit_code == 3
    assert "nugget_recall is unscored" in result.stderr


def test_report_compares_two_runs(commands: EvalCommands, finished_run: Path) -> None:
    result = commands.invoke("eval", "report", str(finished_run), str(finished_run))
    assert result.exit_code == 0
    assert "| citation_recall | 1.000 | 1.000 |" in result.output
    assert "worse" not in result.output


def test_report_shows_an_unsupported_sentence_with_its_passage(commands: EvalCommands, copied_run: Path) -> None:
    path = copied_run / "briefs" / "seychelles.json"
    brief = json.loads(path.read_text())
    brief["sections"][0]["sentences"][0]["text"] = "Prince sold <b>nine</b> carriers to Libya."
    path.write_text(json.dumps(brief))
    assert commands.run(copied_run).exit_code == 0
    assert commands.invoke("eval", "report", str(copied_run)).exit_code == 0
    page, text = (copied_run / "report.html").read_text(), (copied_run / "report.md").read_text()
    assert "Prince sold &lt;b&gt;nine&lt;/b&gt; carriers to Libya." in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<svg" in page
    worst = text.partition("## Worst sentences")[2]
    assert worst.strip().startswith("- **none** (seychelles")
    assert brief["sections"][0]["sentences"][0]["citations"][0] in worst


def test_labels_are_stored_at_once_and_correct_the_judge(commands: EvalCommands, copied_run: Path) -> None:
    first = commands.invoke("eval", "label", str(copied_run), "--n", "6", input="f\nx\np\nq\n")
    assert "2 labelled now, 2 of 6" in first.output
    second = commands.invoke("eval", "label", str(copied_run), "--n", "6", input="f\nf\nf\nn\n")
    assert "4 labelled now, 6 of 6" in second.output
    labels = read_labels(copied_run / "labels.jsonl")
    assert [label.support for label in labels] == ["full", "partial", "full", "full", "full", "none"]
    assert commands.run(copied_run).exit_code == 0
    card = commands.read_scorecard(copied_run)
    # The judge's verdict is full for all sentences, so that the result is the mean of the labels.
    assert card["corrected"]["mean"] == pytest.approx(4 / 6, abs=0.01)
    assert card["judge"]["balanced_accuracy"] == 0.5
    assert "labelled" in card["judge"]["measured_on"]
