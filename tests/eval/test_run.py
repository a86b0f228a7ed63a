"""``citebrief eval run`` on real documents: answering, resuming, failing and budgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_server import FaultServer, failing

from rag.errors import CitebriefError, UsageError

if TYPE_CHECKING:
    from conftest import EvalCommands

pytestmark = pytest.mark.integration


def test_a_run_scores_all_questions_and_names_the_judge(commands: EvalCommands, finished_run: Path) -> None:
    card = commands.read_scorecard(finished_run)
    assert card["n"]["questions"] == 3
    assert (card["n"]["answered"], card["n"]["insufficient_evidence"], card["n"]["failed"]) == (2, 1, 0)
    means = {metric: figure["mean"] for metric, figure in card["metrics"].items()}
    assert (means["uncited_rate"], means["invalid_citation_rate"], means["citation_recall"]) == (0, 0, 1)
    assert (means["abstention_precision"], means["abstention_recall"]) == (1, 1)
    assert card["judge"]["name"].startswith("citebrief-support/")
    assert 0.5 < card["judge"]["balanced_accuracy"] < 1
    assert "left out of training" in card["judge"]["measured_on"]
    assert card["judge"]["gated"] is False


def test_stated_and_missing_nuggets_are_distinguished(commands: EvalCommands, finished_run: Path) -> None:
    [case] = [case for case in commands.read_scorecard(finished_run)["cases"] if case["id"] == "seychelles"]
    assert case["nugget_recall"] == 0.5
    assert case["vital_recall"] == 1
    assert case["evidence_recall"] == 0.5


def test_rerunning_a_finished_run_writes_no_brief(commands: EvalCommands, copied_run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (copied_run / "briefs").iterdir()}
    assert commands.run(copied_run).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in (copied_run / "briefs").iterdir()} == before


def test_resuming_restores_a_missing_brief_and_ignores_a_torn_line(
    commands: EvalCommands, finished_run: Path, copied_run: Path
) -> None:
    (copied_run / "briefs" / "panama.json").unlink()
    with (copied_run / "verdicts.jsonl").open("a") as log:
        log.write('{"key": "half a li')
    assert commands.run(copied_run).exit_code == 0
    recall = commands.read_scorecard(copied_run)["metrics"]["citation_recall"]
    assert recall == commands.read_scorecard(finished_run)["metrics"]["citation_recall"]


def test_a_run_with_other_settings_is_refused(commands: EvalCommands, copied_run: Path) -> None:
    result = commands.run(copied_run, env={"CITEBRIEF_K": "7"})
    assert isinstance(result.exception, UsageError)
    assert "another settings: choose another --out" in str(result.exception)


def test_an_id_that_is_not_a_file_name_is_converted_to_one(finished_run: Path) -> None:
    assert len(list((finished_run / "briefs").glob("bread-sourdough-*.json"))) == 1


def test_a_failed_question_keeps_its_reason_and_scores_zero(commands: EvalCommands, tmp_path: Path) -> None:
    with FaultServer([failing(400)] * 40) as server:
        result = commands.run(
            tmp_path / "out", number=1, llm="openai:some-model",
            env={"OPENAI_BASE_URL": server.base_url, "CITEBRIEF_RETRIES": "0"},
        )  # fmt: skip
    assert isinstance(result.exception, CitebriefError)
    assert "nothing could be scored" in str(result.exception)
    card = commands.read_scorecard(tmp_path / "out")
    assert card["failures"]["failed_runs"] == 1
    assert card["metrics"]["citation_recall"]["mean"] == 0
    assert card["metrics"]["nugget_recall"]["mean"] == 0
    [row] = commands.read_rows(tmp_path / "out" / "runs.jsonl")
    assert row["status"] == "failed"
    assert "refused" in row["error"]


def test_a_spent_budget_sends_no_request(commands: EvalCommands, tmp_path: Path) -> None:
    with FaultServer() as server:
        result = commands.run(
            tmp_path / "out", "--budget", "0.000001", number=2, llm="openai:gpt-4.1-mini",
            env={"OPENAI_BASE_URL": server.base_url},
        )  # fmt: skip
    rows = commands.read_rows(tmp_path / "out" / "runs.jsonl")
    assert [row["status"] for row in rows] == ["failed", "failed"]
    assert all("budget" in row["error"] for row in rows)
    assert server.requests == []
    assert "nothing could be scored" in str(result.exception)


def test_a_budget_for_a_model_without_a_price_is_refused(commands: EvalCommands, tmp_path: Path) -> None:
    result = commands.run(
        tmp_path / "out", "--budget", "1", llm="openai:unheard-of", env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    )
    assert "that of unheard-of is not in the price table" in str(result.exception)
