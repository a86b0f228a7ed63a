"""Running a batch with canned results: how it ends, and what its rows and summary say."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import briefs
import pytest

from rag.batch import BatchSummary, QuestionResult, RunDirectory, build_manifest, default_jobs, open_budget, run_batch
from rag.config import Settings
from rag.errors import UsageError
from rag.llm import Budget, ModelChoice
from rag.types import Question

QUESTIONS = [Question(id=id_, text=f"What of {id_}?") for id_ in ("first", "second")]


def rows(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "results.jsonl").read_text().splitlines()]


def run(path: Path, *results: QuestionResult, stop: threading.Event | None = None) -> BatchSummary:
    """Run a batch of two questions in which only ``results`` come back."""

    def canned(_: Iterable[Question], __: Settings, **___: object) -> Generator[QuestionResult]:
        yield from results

    directory = RunDirectory(path=path)
    with directory.locked():
        directory.start({})
        return run_batch(QUESTIONS, Settings(), directory, jobs=1, answer=canned, stop=stop)


def failed(question: Question, fault: str) -> QuestionResult:
    return QuestionResult(question=question, seconds=1.0, error=f"{fault}: gone", fault=fault)


@pytest.mark.parametrize(
    ("fault", "ended", "status", "error"),
    [
        ("ModelLost", "lost", "open", "not asked: the model was lost"),
        ("BudgetSpent", "budget", "failed", "not asked: the budget is spent"),
    ],
)
def test_a_fatal_fault_ends_the_batch_and_the_other_rows_say_why(
    fault: str, ended: str, status: str, error: str, tmp_path: Path
) -> None:
    summary = run(tmp_path, failed(QUESTIONS[0], fault))
    assert (summary.ended, summary.attempted) == (ended, 1)
    first, second = rows(tmp_path)
    assert (first["status"], first["fault"]) == ("failed", fault)
    assert (second["status"], second["error"]) == (status, error)


def test_a_stopped_batch_leaves_the_other_questions_open(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    brief = replace(briefs.answered(), question=QUESTIONS[0].text)
    summary = run(tmp_path, QuestionResult(question=QUESTIONS[0], seconds=1.0, brief=brief), stop=stop)
    assert (summary.ended, summary.answered, summary.open) == ("stopped", 1, 1)
    assert rows(tmp_path)[1]["error"] == "not asked: stopped"


def test_the_json_of_a_summary_counts_the_questions_of_this_run_under_its_published_key(tmp_path: Path) -> None:
    summary = run(tmp_path, *(failed(question, "ModelError") for question in QUESTIONS))
    written = json.loads(summary.as_json())
    assert (written["asked"], written["faults"], written["ended"]) == (2, {"ModelError": 2}, "done")
    assert "2 failed (2 ModelError)" in summary.as_text()


@pytest.mark.parametrize(("new", "spent"), [(False, 0.75), (True, 0.0)])
def test_a_budget_continues_from_what_the_run_has_cost(new: bool, spent: float, tmp_path: Path) -> None:
    directory = RunDirectory(path=tmp_path)
    directory.record_payment(0.75)
    choice = ModelChoice(kind="openai", name="gpt-4.1-mini", why="")
    budget: Budget = open_budget(2.0, choice, Settings(), directory, new=new)
    assert (budget.budget_usd, budget.spent) == (2.0, spent)


def test_a_budget_needs_a_price(tmp_path: Path) -> None:
    choice = ModelChoice(kind="openai", name="unpriced", why="")
    with pytest.raises(UsageError, match="that of unpriced is not in the price table"):
        open_budget(2.0, choice, Settings(), RunDirectory(path=tmp_path))


def test_a_budget_needs_the_price_of_the_verifiers_model_too(tmp_path: Path) -> None:
    choice = ModelChoice(kind="openai", name="gpt-4.1-mini", why="")
    settings = Settings().model_copy(
        update={"verifier": "llm:openai:unpriced", "openai_base_url": "http://127.0.0.1:9/v1"}
    )
    with pytest.raises(UsageError, match="that of unpriced is not in the price table"):
        open_budget(2.0, choice, settings, RunDirectory(path=tmp_path))
    assert open_budget(None, choice, settings, RunDirectory(path=tmp_path)).budget_usd is None


def test_only_a_remote_model_answers_several_questions_at_a_time_by_default() -> None:
    local, remote = (ModelChoice(kind=kind, name="m", why="") for kind in ("local", "openai"))
    assert default_jobs(local) == 1 < default_jobs(remote)


def manifest(writer: ModelChoice, verifier: str = "auto") -> dict[str, Any]:
    settings = Settings().model_copy(update={"verifier": verifier, "openai_base_url": "http://127.0.0.1:9/v1"})
    return build_manifest(settings, writer, "fingerprint")


@pytest.mark.parametrize("kind", ["local", "extractive"])
def test_a_run_of_an_earlier_version_is_resumed_where_the_packaged_verifier_decides(kind: Any, tmp_path: Path) -> None:
    written = manifest(ModelChoice(kind=kind, name="m", why=""))
    assert "verifier" not in written
    assert "verify" not in written["prompts"]
    directory = RunDirectory(path=tmp_path)
    directory.start(written)
    directory.resume(written, fix="choose another --out")


@pytest.mark.parametrize("specs", [("auto", "support"), ("support", "auto"), ("auto", "llm:openai:other")])
def test_a_run_with_another_verifier_is_refused_by_name(specs: tuple[str, str], tmp_path: Path) -> None:
    writer = ModelChoice(kind="openai", name="m", why="")
    first, second = (manifest(writer, spec) for spec in specs)
    directory = RunDirectory(path=tmp_path)
    directory.start(first)
    with pytest.raises(UsageError, match=r"a run with another .*verifier: choose another --out"):
        directory.resume(second, fix="choose another --out")


def test_the_manifest_names_the_verifier_of_a_remote_writer_and_its_prompt() -> None:
    written = manifest(ModelChoice(kind="openai", name="m", why=""))
    assert written["verifier"] == "support+llm:openai:m"
    assert len(written["prompts"]["verify"]) == 64
