"""`citebrief batch` on a real index: its files, how it is resumed, and what it costs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fault_server import FaultServer, failing, slow

from rag.cli.main import cli
from rag.errors import UsageError
from rag.render.json import read_brief

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
CSV = """id,question,k,document
seychelles,"Who met in the Seychelles in January 2017, and what did they discuss?",,
Panama!,Why did the French attempt to build the Panama Canal fail?,20,panama*
bread,How is sourdough bread made?,,
"""
SHORT_BRIEF = ("--k", "6", "--sections", "1")
"""Options for a brief with few sentences, since the server's canned replies all fail verification."""

SIX = """Who met in the Seychelles in January 2017?
What did Erik Prince and Kirill Dmitriev discuss in the Seychelles?
What did Kirill Dmitriev want from Erik Prince?
Why did the French attempt to build the Panama Canal fail?
When was the Panama Canal opened?
How many workers died while the Panama Canal was built?
"""
"""Questions that the two documents answer."""

REPLY_COST = (60 * 0.4 + 40 * 0.1 + 20 * 1.6) / 1e6
"""Cost in US dollars of one reply of the fault server at the price of gpt-4.1-mini."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("documents")
    for name in ("seychelles-meeting.txt", "panama-canal-construction.txt"):
        shutil.copy(ROOT / "corpus" / name, directory)
    assert invoke("index", str(directory), "--store", str(directory / "store")).exit_code == 0
    return directory / "store"


@pytest.fixture(scope="module")
def finished(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a finished batch; its questions are beside it."""
    directory = tmp_path_factory.mktemp("batch")
    (directory / "questions.csv").write_text(CSV)
    ran = batch(store, directory / "questions.csv", directory / "out", "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["answered"] == 2
    return directory / "out"


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"


def invoke(*words: str, **kwargs: Any) -> Result:
    return CliRunner().invoke(cli, list(words), **kwargs)


def batch(
    store: Path, questions: Path | str, directory: Path, *more: str, llm: str = "extractive", **env: str
) -> Result:
    return invoke(
        *("batch", str(questions), "--out", str(directory), "--store", str(store), "--llm", llm, "--quiet", *more),
        env={"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "CITEBRIEF_RETRIES": "0", **env},
    )


def resume(store: Path, finished: Path, directory: Path, *more: str) -> Result:
    return batch(store, finished.parent / "questions.csv", directory, "--resume", *more)


def rows(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "results.jsonl").read_text().splitlines()]


def modified(directory: Path) -> dict[str, int]:
    return {
        file.name: file.stat().st_mtime_ns for file in directory.iterdir() if file.suffix in {".json", ".md", ".html"}
    }


def test_each_question_has_its_files_and_a_row_with_its_figures(finished: Path) -> None:
    first, second, third = rows(finished)
    assert [row["id"] for row in (first, second, third)] == ["seychelles", "Panama!", "bread"]
    assert [row["status"] for row in (first, second, third)] == ["answered", "answered", "insufficient_evidence"]
    assert first["files"] == {"json": "seychelles.json", "md": "seychelles.md", "html": "seychelles.html"}
    assert first["seconds"] > 0
    assert first["cost"] == 0
    assert first["scores"] == {"sentences": first["scores"]["sentences"], "lowest": 1.0, "repairs": {}}
    assert first["scores"]["sentences"] == sum(1 for _ in read_brief(finished / "seychelles.json").sentences())
    assert third["scores"]["sentences"] == 0
    assert "## Sources" in (finished / "seychelles.md").read_text()
    assert "<html" in (finished / second["files"]["html"]).read_text()


def test_a_brief_has_the_settings_of_its_question(finished: Path) -> None:
    brief = read_brief(finished / rows(finished)[1]["files"]["json"])
    assert brief.trace.parameters["k"] == 20
    assert {hit.chunk.document_id for hit in brief.evidence} == {"panama-canal-construction.txt"}


def test_the_manifest_says_what_decides_the_briefs(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    brief = read_brief(finished / "seychelles.json")
    assert manifest["schema"] == "citebrief.batch/1"
    assert manifest["index"] == brief.trace.fingerprint
    assert set(manifest["settings"]) == {"k", "evidence_tokens", "sections", "seed", "embedder"}
    assert manifest["settings"]["k"] == brief.trace.parameters["k"]
    assert len(manifest["questions"]) == 64


def test_questions_come_from_standard_input_and_json_is_always_written(store: Path, tmp_path: Path) -> None:
    ran = invoke(
        *("batch", "-", "--out", str(tmp_path / "out"), "--store", str(store), "--llm", "extractive", "--quiet"),
        *("--format", "md"),
        input="How is sourdough bread made?\n",
    )
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.startswith("1 question: 0 answered, 1 not answered by the corpus\n")
    assert sorted(file.suffix for file in (tmp_path / "out").glob("how-is-*")) == [".json", ".md"]


def test_a_directory_with_other_files_is_refused_and_not_changed(store: Path, finished: Path, tmp_path: Path) -> None:
    questions = finished.parent / "questions.csv"
    again = batch(store, questions, finished)
    assert isinstance(again.exception, UsageError)
    assert "holds a batch: use --resume to continue it, --overwrite to replace it" in str(again.exception)
    (tmp_path / "thesis.md").write_text("years of work")
    for more in ((), ("--resume",), ("--overwrite",)):
        ran = batch(store, questions, tmp_path, *more)
        assert isinstance(ran.exception, UsageError)
        assert "other files in it" in str(ran.exception)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.md"]


def test_resume_and_overwrite_exclude_each_other(store: Path, tmp_path: Path) -> None:
    for options, message in (
        (("--resume", "--overwrite"), "choose one of them"),
        (("--force",), "--force is for --resume"),
    ):
        ran = batch(store, "-", tmp_path / "out", *options)
        assert isinstance(ran.exception, UsageError)
        assert message in str(ran.exception)


def test_resume_starts_a_batch_in_a_new_directory_and_asks_nothing_once_it_is_finished(
    store: Path, finished: Path, tmp_path: Path
) -> None:
    first = resume(store, finished, tmp_path / "new" / "out", "--json")
    assert json.loads(first.stdout)["asked"] == 3
    before = modified(tmp_path / "new" / "out")
    second = resume(store, finished, tmp_path / "new" / "out", "--json")
    assert json.loads(second.stdout)["asked"] == 0
    assert modified(tmp_path / "new" / "out") == before


def test_resume_makes_only_what_is_missing_or_damaged(store: Path, finished: Path, out: Path) -> None:
    before = modified(out)
    (out / "seychelles.json").write_bytes((out / "seychelles.json").read_bytes()[:-500])
    (out / "bread.json").unlink()
    (out / "bread.md").unlink()
    panama = rows(out)[1]["files"]["md"]
    (out / panama).unlink()
    ran = resume(store, finished, out, "--json")
    assert json.loads(ran.stdout)["asked"] == 2
    after = modified(out)
    assert {name for name in after if after[name] != before.get(name)} == {
        *(f"{id_}.{suffix}" for id_ in ("seychelles", "bread") for suffix in ("json", "md", "html")),
        panama,  # rendered again from the JSON
    }
    assert (out / panama).read_text() == (finished / panama).read_text()
    assert [row["id"] for row in rows(out)] == ["seychelles", "Panama!", "bread"]


def test_a_changed_manifest_is_refused_by_name_and_kept_if_forced(store: Path, finished: Path, out: Path) -> None:
    ran = resume(store, finished, out, "--k", "39")
    assert isinstance(ran.exception, UsageError)
    assert f"{out} holds a run with another settings: choose another --out" in str(ran.exception)
    more = out.parent / "more.csv"
    more.write_text(CSV + "fourth,Who was Dmitriev?,,\n")
    assert "another questions" in str(batch(store, more, out, "--resume").exception)
    before = modified(out)
    forced = batch(store, more, out, "--resume", "--force", "--json")
    assert json.loads(forced.stdout)["asked"] == 1
    assert {name: time for name, time in modified(out).items() if name in before and name != "manifest.json"} == {
        name: time for name, time in before.items() if name != "manifest.json"
    }
    manifest = json.loads((out / "manifest.json").read_text())
    assert [len(old["questions"]) for old in manifest["earlier"]] == [64]


def test_overwrite_removes_the_files_of_the_batch_and_no_others(store: Path, out: Path, tmp_path: Path) -> None:
    (out / "thesis.md").write_text("mine")
    (tmp_path / "q.txt").write_text("Who was Dmitriev?\n")
    ran = batch(store, tmp_path / "q.txt", out, "--overwrite", "--json")
    assert json.loads(ran.stdout)["questions"] == 1, ran.output
    assert (out / "thesis.md").read_text() == "mine"
    assert not list(out.glob("seychelles.*"))
    [row] = rows(out)
    assert {file.name for file in out.iterdir() if file.is_file()} == {
        *row["files"].values(), "thesis.md", "manifest.json", "results.jsonl", ".lock",
    }  # fmt: skip


def test_a_failed_question_is_a_row_with_a_draft_and_is_repeated_by_resume(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(CSV)
    with FaultServer([failing(404, "no tokens left")] * 2) as server:
        ran = batch(
            *(store, tmp_path / "q.csv", tmp_path / "out", "--json", "--jobs", "1", *SHORT_BRIEF),
            llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
        assert ran.exit_code == 3
        summary = json.loads(ran.stdout)
        assert (summary["failed"], summary["answered"], summary["faults"]) == (1, 1, {"ModelError": 1})
        failed, answered, _ = rows(tmp_path / "out")
        assert failed["status"] == "failed"
        assert "no tokens left" in failed["error"]
        assert answered["cost"] > 0
        assert answered["tokens"]["calls"] > 0
        draft = read_brief(tmp_path / "out" / failed["files"]["draft"])
        assert draft.sections, "the verified sentences are kept"
        again = batch(
            *(store, tmp_path / "q.csv", tmp_path / "out", "--json", "--resume", *SHORT_BRIEF),
            llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
    assert again.exit_code == 0
    assert json.loads(again.stdout)["asked"] == 1
    assert [row["status"] for row in rows(tmp_path / "out")] == ["answered", "answered", "insufficient_evidence"]
    assert not (tmp_path / "out" / failed["files"]["draft"]).exists()


def test_the_budget_covers_all_runs_in_a_directory_and_is_not_exceeded(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text(SIX)
    # The longest reply, the brief, may have 5,500 tokens, and every reply has 20. Two calls stand before it, and one
    # behind it, so $5.58 allows the $5.54 of a first question, and not the $5.62 of a second one.
    budget_usd, table = 5.58, {"models": {"test": {"prompt": 0, "cached": 0, "completion": 1000}}}
    (tmp_path / "prices.json").write_text(json.dumps(table))
    env = {"CITEBRIEF_PRICES": str(tmp_path / "prices.json")}
    with FaultServer() as server:
        for more in ((), ("--resume",)):
            ran = batch(
                *(store, tmp_path / "q.txt", tmp_path / "out", "--budget", str(budget_usd), "--jobs", "1", "--json"),
                *("--verifier", "support", *SHORT_BRIEF, *more),
                llm="openai:test", OPENAI_BASE_URL=server.base_url, **env,
            )  # fmt: skip
            assert ran.exit_code == 3
            summary = json.loads(ran.stdout)
            assert (summary["ended"], summary["answered"], summary["asked"]) == ("budget", 1, 1 if more else 2)
        unpriced = batch(
            *(store, tmp_path / "q.txt", tmp_path / "other", "--budget", "1"),
            llm="openai:x", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
    assert isinstance(unpriced.exception, UsageError)
    assert "that of x is not in the price table" in str(unpriced.exception)
    assert not (tmp_path / "other" / "manifest.json").exists()
    assert summary["cost"] == pytest.approx(len(server.requests) * 0.02)
    assert 0 < summary["cost"] <= budget_usd
    written = rows(tmp_path / "out")
    assert {row["fault"] for row in written} == {"", "BudgetSpent"}
    assert all("budget" in row["error"] for row in written if row["fault"])


def test_a_cached_reply_is_not_paid_for_again(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("Who met in the Seychelles in January 2017?")
    options = (store, tmp_path / "q.txt", tmp_path / "out", "--json", *SHORT_BRIEF)
    with FaultServer() as server:
        first = batch(*options, llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url)
        assert first.exit_code == 0, first.output
        requests = len(server.requests)
        assert json.loads(first.stdout)["cost"] == pytest.approx(requests * REPLY_COST, rel=1e-3)
        again = batch(*options, "--overwrite", llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url)
        assert len(server.requests) == requests
    without_key = batch(*options, "--overwrite", llm="openai:gpt-4.1-mini")
    for ran in (again, without_key):
        assert ran.exit_code == 0, ran.output
        summary = json.loads(ran.stdout)
        assert (summary["answered"], summary["tokens"]["calls"], summary["cost"]) == (1, 0, 0)
        assert summary["tokens"]["replayed"] > 0


def test_rate_limits_apply_to_the_model(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("Who met in the Seychelles in January 2017?")
    with FaultServer() as server:
        ran = batch(
            *(store, tmp_path / "q.txt", tmp_path / "out", "--tpm", "10", *SHORT_BRIEF),
            llm="openai:test", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
    assert ran.exit_code == 3
    assert server.requests == []
    assert "CITEBRIEF_TPM=10" in rows(tmp_path / "out")[0]["error"]


def test_once_the_model_is_lost_no_further_question_is_tried(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text(SIX)
    with FaultServer(odds=[(failing(503), 1.0)]) as server:
        ran = batch(
            *(store, tmp_path / "q.txt", tmp_path / "out", "--jobs", "1", "--json", *SHORT_BRIEF),
            llm="openai:test", OPENAI_BASE_URL=server.base_url, CITEBRIEF_PATIENCE="0.5",
        )  # fmt: skip
    assert ran.exit_code == 3
    assert json.loads(ran.stdout)["ended"] == "lost"
    written = rows(tmp_path / "out")
    lost = [row["fault"] for row in written].index("ModelLost")
    assert {row["fault"] for row in written[:lost]} <= {"ModelError"}
    assert "CITEBRIEF_PATIENCE" in written[lost]["error"]
    later = {(row["fault"], row["status"], row["error"]) for row in written[lost + 1 :]}
    assert later == {("", "open", "not asked: the model was lost")}


def test_a_dry_run_prints_an_estimate_and_writes_nothing(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("Who met in the Seychelles in January 2017?\nHow is sourdough bread made?\n")
    with FaultServer() as server:
        ran = batch(
            *(store, tmp_path / "q.txt", tmp_path / "out", "--dry-run", "--json", *SHORT_BRIEF),
            llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
        assert server.requests == []
    assert not (tmp_path / "out").exists()
    estimate = json.loads(ran.stdout)
    assert (estimate["questions"], estimate["sample"]) == (2, 2)
    assert 0 < estimate["cost"] < estimate["most"]


def test_events_are_json_without_questions_passages_and_keys(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(CSV)
    log = tmp_path / "log"
    with FaultServer([failing(404, "Dmitriev was disappointed")] * 3) as server:
        batch(
            *(store, tmp_path / "q.csv", tmp_path / "out", "--log-json", str(log), "--jobs", "2", *SHORT_BRIEF),
            llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY="sk-secret-secret",
        )  # fmt: skip
    text = log.read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert events[0]["event"] == "batch started"
    assert events[-1]["event"] == "batch ended"
    started, ended = ([e for e in events if e["event"] == f"question {what}"] for what in ("started", "ended"))
    assert {e["question"] for e in started} == {e["question"] for e in ended} == {"seychelles", "Panama!", "bread"}
    assert sorted(e["status"] for e in ended) == ["answered", "failed", "insufficient_evidence"]
    for secret in ("sk-secret", "Dmitriev", "French", "sourdough"):
        assert secret not in text


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_ctrl_c_stops_running_questions_and_leaves_a_row_for_each(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(CSV)
    command = [
        *(sys.executable, "-c", "from rag.cli.main import main; main()", "batch", str(tmp_path / "q.csv"), "--json"),
        *("--out", str(tmp_path / "out"), "--store", str(store), "--llm", "openai:test", "--jobs", "1"),
        *SHORT_BRIEF,
    ]
    with FaultServer([slow(1)] * 100) as server:
        env = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": ""}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)
        deadline = time.monotonic() + 120
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert time.monotonic() - sent < 30
    assert "stopping" in stderr
    assert "--resume asks only what is open" in stderr.splitlines()[-1]
    assert "Traceback" not in stderr
    summary = json.loads(stdout)
    assert (summary["ended"], summary["open"], summary["failed"]) == ("stopped", 3, 0)
    assert [(row["id"], row["status"]) for row in rows(tmp_path / "out")] == [
        ("seychelles", "open"), ("Panama!", "open"), ("bread", "open"),
    ]  # fmt: skip
