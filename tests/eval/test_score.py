"""``citebrief eval score``: changed copies of a brief, Markdown of other origin, and a model as judge."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fault_server import FaultServer, good, refused

from rag.errors import ReadError
from rag.render.json import from_json

if TYPE_CHECKING:
    from conftest import EvalCommands

pytestmark = pytest.mark.integration

DOCUMENT = Path(__file__).parents[2] / "corpus" / "panama-canal-construction.txt"


@pytest.fixture
def brief(finished_run: Path) -> Path:
    return finished_run / "briefs" / "seychelles.json"


def changed(brief: Path, directory: Path, change: Callable[[list[dict[str, Any]], dict[str, Any]], None]) -> Path:
    """Write a copy of ``brief`` after ``change`` of its body's sentences and of the whole JSON."""
    value = json.loads(brief.read_text())
    change([row for section in value["sections"] for row in section["sentences"]], value)
    path = directory / "changed.json"
    path.write_text(json.dumps(value))
    return path


def test_wrong_citations_lower_recall_and_precision_by_their_share(
    commands: EvalCommands, brief: Path, tmp_path: Path
) -> None:
    def cite_another_passage(rows: list[dict[str, Any]], value: dict[str, Any]) -> None:
        passage = {**value["sources"][0], "chunk_id": "other.00000000", "text": "Bread is made of flour."}
        value["sources"].append(passage)
        rows[0]["citations"] = rows[1]["citations"] = ["other.00000000"]

    original = commands.score(brief)
    wrong = commands.score(changed(brief, tmp_path, cite_another_passage))
    for metric in ("citation_recall", "citation_precision", "weighted_recall"):
        before, after = (card["metrics"][metric]["mean"] for card in (original, wrong))
        # A scorecard has six decimals.
        assert before - after == pytest.approx(2 / original["n"]["sentences"], abs=1e-6), metric


def test_an_invented_source_and_a_missing_citation_are_counted(
    commands: EvalCommands, brief: Path, tmp_path: Path
) -> None:
    def break_two(rows: list[dict[str, Any]], _: dict[str, Any]) -> None:
        rows[0]["citations"] = ["made-up.12345678"]
        rows[1]["citations"] = []

    card = commands.score(changed(brief, tmp_path, break_two))
    n = card["n"]["sentences"]
    assert card["metrics"]["uncited_rate"]["mean"] == pytest.approx(1 / n, abs=1e-6)
    assert card["metrics"]["invalid_citation_rate"]["mean"] == pytest.approx(1 / (n - 1), abs=1e-6)
    assert card["failures"]["invalid_citations"] == 1


def test_the_support_that_a_brief_claims_is_ignored(commands: EvalCommands, brief: Path, tmp_path: Path) -> None:
    def claim_support(rows: list[dict[str, Any]], _: dict[str, Any]) -> None:
        rows[0] |= {"text": "Prince bought the Seychelles for nine billion dollars.", "support": "full", "score": 1.0}

    card = commands.score(changed(brief, tmp_path, claim_support))
    assert card["metrics"]["citation_recall"]["mean"] < 1


def test_nugget_metrics_are_unscored_without_cases(commands: EvalCommands, brief: Path) -> None:
    card = commands.score(brief)
    assert card["metrics"]["nugget_recall"] == {"mean": None, "low": None, "high": None, "n": 0, "unscored": 1}


def test_markdown_of_other_origin_is_scored_against_the_files_it_names(commands: EvalCommands, tmp_path: Path) -> None:
    shutil.copy(DOCUMENT, tmp_path / "panama.txt")
    foreign = tmp_path / "foreign.md"
    foreign.write_text(
        "# Canal\n\nThe French canal company collapsed in February 1889 [1]. "
        "The canal was dug by robots in 1750 [1]. Nobody cites this sentence.\n\n## Sources\n\n[1] panama.txt\n"
    )
    card = commands.score(foreign)
    assert card["n"]["sentences"] == 3
    assert card["metrics"]["citation_recall"]["mean"] == pytest.approx(1 / 3, abs=1e-6)
    assert card["metrics"]["uncited_rate"]["mean"] == pytest.approx(1 / 3, abs=1e-6)


def test_an_unreadable_brief_among_several_counts_as_failed(
    commands: EvalCommands, brief: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    result = commands.invoke("eval", "score", str(bad), str(brief), "--json", "--quiet")
    assert result.exit_code == 0
    card = json.loads(result.stdout)
    assert card["failures"]["failed_runs"] == 1
    assert card["metrics"]["citation_recall"]["mean"] == 0.5
    assert f"counted as failed: {bad}: not the JSON of a brief" in result.stderr


def test_a_single_unreadable_brief_is_an_error(commands: EvalCommands, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    result = commands.invoke("eval", "score", str(bad))
    assert isinstance(result.exception, ReadError)
    assert "not the JSON of a brief" in str(result.exception)


@pytest.mark.parametrize(("recall", "unscored"), [(1.0, False), (None, True)])
def test_unusable_responses_of_a_model_as_judge_are_counted(
    recall: float | None, unscored: bool, commands: EvalCommands, brief: Path
) -> None:
    claims = len(list(from_json(brief.read_text(encoding="utf-8")).sentences()))
    verdicts = {f"C{n}": {"support": "full", "unsupported": ""} for n in range(1, claims + 1)}
    with FaultServer(odds=[(refused(), 1.0)] if unscored else [(good(verdicts), 1.0)]) as server:
        result = commands.invoke(
            "eval", "score", str(brief), "--judge", "llm", "--judge-llm", "openai:some-model", "--json", "--quiet",
            env={"OPENAI_BASE_URL": server.base_url, "CITEBRIEF_RETRIES": "0"},
        )  # fmt: skip
    card = json.loads(result.stdout)
    assert card["judge"]["name"].startswith("some-model, prompt verify/")
    assert card["judge"]["balanced_accuracy"] is None
    assert card["failures"]["sentences_without_a_verdict"] == (card["n"]["sentences"] if unscored else 0)
    assert card["metrics"]["citation_recall"]["mean"] == recall
