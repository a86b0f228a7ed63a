"""`citebrief batch`: real questions on a real index through the command line; a folder that survives everything."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import briefs
import crashes
import pytest
from click.testing import CliRunner, Result
from fault_server import FaultServer, failing, rate_limited, slow

from rag._internal import events
from rag.batch import runner as batches
from rag.batch.estimate import estimate
from rag.batch.run_directory import RunDirectory
from rag.cli.main import cli
from rag.config import load_settings
from rag.errors import CitebriefError, UsageError
from rag.llm import resolve
from rag.llm.breaker import BreakerPolicy
from rag.pipeline import QuestionResult, answer_many
from rag.progress import Step
from rag.render.json import from_json, read_brief
from rag.types import Question

ROOT = Path(__file__).parents[2]
FAILURES = BreakerPolicy().failures
CSV = """id,question,k,document
seychelles,"Who met in the Seychelles in January 2017, and what did they discuss?",,
Panama!,Why did the French attempt to build the Panama Canal fail?,20,panama*
bread,How is sourdough bread made?,,
"""
SMALL = ("--k", "6", "--sections", "1")
"""Enough for a model to be asked; its canned replies fail every check, which costs less the less there is to check."""

SIX = """Who met in the Seychelles in January 2017?
What did Erik Prince and Kirill Dmitriev discuss in the Seychelles?
What did Kirill Dmitriev want from Erik Prince?
Why did the French attempt to build the Panama Canal fail?
When was the Panama Canal opened?
How many workers died while the Panama Canal was built?
"""
"""Questions that the two documents answer."""
ONE_REPLY = (60 * 0.4 + 40 * 0.1 + 20 * 1.6) / 1e6
"""US dollars that gpt-4.1-mini takes for one reply of the fault server."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("documents")
    for name in ("seychelles-meeting.txt", "panama-canal-construction.txt"):
        shutil.copy(ROOT / "corpus" / name, directory)
    assert invoke("index", str(directory), "--store", str(directory / "store")).exit_code == 0
    return directory / "store"


@pytest.fixture(scope="module")
def done(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a batch that has been run to its end; its questions are beside it."""
    directory = tmp_path_factory.mktemp("batch")
    (directory / "questions.csv").write_text(CSV)
    found = batch(store, directory / "questions.csv", directory / "out", "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["answered"] == 2
    return directory / "out"


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(done, tmp_path / "out")
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


def resumed(store: Path, done: Path, directory: Path, *more: str) -> Result:
    return batch(store, done.parent / "questions.csv", directory, "--resume", *more)


def rows(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "results.jsonl").read_text().splitlines()]


def times(directory: Path) -> dict[str, int]:
    return {
        file.name: file.stat().st_mtime_ns for file in directory.iterdir() if file.suffix in {".json", ".md", ".html"}
    }


def test_each_question_has_its_files_and_one_row_that_says_what_it_took(done: Path) -> None:
    first, second, third = rows(done)
    assert [row["id"] for row in (first, second, third)] == ["seychelles", "Panama!", "bread"]
    assert [row["status"] for row in (first, second, third)] == ["answered", "answered", "insufficient_evidence"]
    assert first["files"] == {"json": "seychelles.json", "md": "seychelles.md", "html": "seychelles.html"}
    assert first["seconds"] > 0
    assert first["cost"] == 0
    assert first["scores"] == {"sentences": first["scores"]["sentences"], "lowest": 1.0, "repairs": {}}
    assert first["scores"]["sentences"] == sum(1 for _ in read_brief(done / "seychelles.json").sentences())
    assert third["scores"]["sentences"] == 0
    assert "## Sources" in (done / "seychelles.md").read_text()
    assert "<html" in (done / second["files"]["html"]).read_text()


def test_the_settings_of_a_row_are_those_of_its_brief(done: Path) -> None:
    brief = read_brief(done / rows(done)[1]["files"]["json"])
    assert brief.trace.parameters["k"] == 20
    assert {hit.chunk.document_id for hit in brief.evidence} == {"panama-canal-construction.txt"}


def test_the_manifest_says_what_decides_the_briefs(done: Path) -> None:
    manifest = json.loads((done / "manifest.json").read_text())
    assert manifest["schema"] == "citebrief.batch/1"
    assert manifest["index"] == read_brief(done / "seychelles.json").trace.fingerprint
    assert manifest["settings"] == {"k": 40, "sections": 6, "seed": 7, "embedder": "minilm"}
    assert len(manifest["questions"]) == 64


def test_standard_input_and_one_format_less(store: Path, tmp_path: Path) -> None:
    found = invoke(
        *("batch", "-", "--out", str(tmp_path / "out"), "--store", str(store), "--llm", "extractive", "--quiet"),
        *("--format", "md"),
        input="How is sourdough bread made?\n",
    )
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("1 question: 0 answered, 1 not answered by the corpus\n")
    assert sorted(file.suffix for file in (tmp_path / "out").glob("how-is-*")) == [".json", ".md"]


def test_a_folder_with_something_in_it_is_refused_and_left_as_it_is(store: Path, done: Path, tmp_path: Path) -> None:
    questions = done.parent / "questions.csv"
    again = batch(store, questions, done)
    assert isinstance(again.exception, UsageError)
    assert "--resume goes on with it, --overwrite begins anew" in str(again.exception)
    (tmp_path / "thesis.md").write_text("years of work")
    for more in ((), ("--resume",), ("--overwrite",)):
        found = batch(store, questions, tmp_path, *more)
        assert isinstance(found.exception, UsageError)
        assert "other files in it" in str(found.exception)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.md"]


def test_resume_starts_in_a_folder_that_is_not_there_and_then_asks_nothing_more(
    store: Path, done: Path, tmp_path: Path
) -> None:
    first = resumed(store, done, tmp_path / "new" / "out", "--json")
    assert json.loads(first.stdout)["asked"] == 3
    before = times(tmp_path / "new" / "out")
    second = resumed(store, done, tmp_path / "new" / "out", "--json")
    assert json.loads(second.stdout)["asked"] == 0
    assert times(tmp_path / "new" / "out") == before


def test_resume_makes_only_what_is_missing_or_damaged(store: Path, done: Path, out: Path) -> None:
    before = times(out)
    (out / "seychelles.json").write_bytes((out / "seychelles.json").read_bytes()[:-500])
    (out / "bread.json").unlink()
    (out / "bread.md").unlink()
    panama = rows(out)[1]["files"]["md"]
    (out / panama).unlink()
    found = resumed(store, done, out, "--json")
    assert json.loads(found.stdout)["asked"] == 2
    after = times(out)
    assert {name for name in after if after[name] != before.get(name)} == {
        *(f"{id_}.{suffix}" for id_ in ("seychelles", "bread") for suffix in ("json", "md", "html")),
        panama,  # rendered again from the JSON
    }
    assert (out / panama).read_text() == (done / panama).read_text()
    assert [row["id"] for row in rows(out)] == ["seychelles", "Panama!", "bread"]


def test_a_last_line_torn_anywhere_loses_no_brief_and_no_row(store: Path, done: Path, out: Path) -> None:
    whole = (out / "results.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    directory, questions = RunDirectory(path=out), [Question(id=row["id"], text=row["question"]) for row in rows(out)]
    for cut in range(1, len(lines[-1]), 29):
        (out / "results.jsonl").write_bytes(whole[:-cut] + (b"\0\0\0" if cut % 2 else b""))
        assert directory.missing(questions) == []
        assert directory.rows["bread"].sha256 == json.loads(lines[-1])["sha256"]
        assert directory.rows["seychelles"] == directory.rows["seychelles"].model_validate_json(lines[0])


def test_a_changed_manifest_is_refused_by_name_unless_forced_and_then_kept(store: Path, done: Path, out: Path) -> None:
    found = resumed(store, done, out, "--k", "39")
    assert isinstance(found.exception, UsageError)
    assert f"{out} holds a run with another settings: choose another --out" in str(found.exception)
    more = out.parent / "more.csv"
    more.write_text(CSV + "fourth,Who was Dmitriev?,,\n")
    assert "another questions" in str(batch(store, more, out, "--resume").exception)
    before = times(out)
    forced = batch(store, more, out, "--resume", "--force", "--json")
    assert json.loads(forced.stdout)["asked"] == 1
    assert {name: time for name, time in times(out).items() if name in before and name != "manifest.json"} == {
        name: time for name, time in before.items() if name != "manifest.json"
    }
    manifest = json.loads((out / "manifest.json").read_text())
    assert [len(old["questions"]) for old in manifest["earlier"]] == [64]


def test_overwrite_removes_what_the_batch_made_and_nothing_else(store: Path, out: Path, tmp_path: Path) -> None:
    (out / "notes.md").write_text("mine")
    (tmp_path / "q.txt").write_text("Who was Dmitriev?\n")
    found = batch(store, tmp_path / "q.txt", out, "--overwrite", "--json")
    assert json.loads(found.stdout)["questions"] == 1, found.output
    assert (out / "notes.md").read_text() == "mine"
    assert not list(out.glob("seychelles.*"))
    [row] = rows(out)
    assert {file.name for file in out.iterdir() if file.is_file()} == {
        *row["files"].values(), "notes.md", "manifest.json", "results.jsonl", ".lock",
    }  # fmt: skip


def test_the_second_batch_into_a_folder_is_told_at_once(store: Path, done: Path, out: Path) -> None:
    with RunDirectory(path=out).locked():
        began = time.monotonic()
        found = resumed(store, done, out)
    assert isinstance(found.exception, CitebriefError)
    assert str(found.exception) == f"{out}: another run writes there; wait for it, or choose another --out"
    assert found.exception.exit_status == 1
    assert time.monotonic() - began < 30


def test_a_question_that_fails_is_a_row_stops_no_other_and_is_replaced_when_it_is_tried_again(
    store: Path, tmp_path: Path
) -> None:
    (tmp_path / "q.csv").write_text(CSV)
    with FaultServer([failing(400, "no tokens left")] * 1) as server:
        found = batch(
            *(store, tmp_path / "q.csv", tmp_path / "out", "--json", "--jobs", "1", *SMALL),
            llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
        assert found.exit_code == 3
        summary = json.loads(found.stdout)
        assert (summary["failed"], summary["answered"], summary["faults"]) == (1, 1, {"ModelError": 1})
        failed, answered, _ = rows(tmp_path / "out")
        assert failed["status"] == "failed"
        assert "no tokens left" in failed["error"]
        assert answered["cost"] > 0
        assert answered["tokens"]["calls"] > 0
        draft = read_brief(tmp_path / "out" / failed["files"]["draft"])
        assert draft.sections  # every sentence of which was checked: failing lost none of it
        again = batch(
            *(store, tmp_path / "q.csv", tmp_path / "out", "--json", "--resume", *SMALL),
            llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
    assert again.exit_code == 0
    assert json.loads(again.stdout)["asked"] == 1
    assert [row["status"] for row in rows(tmp_path / "out")] == ["answered", "answered", "insufficient_evidence"]
    assert not (tmp_path / "out" / failed["files"]["draft"]).exists()


def test_the_budget_is_of_the_folder_and_is_not_passed(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text(SIX)
    # A reply may have 1,200 tokens and has 20: of $1.25 a first question can be asked, and no second one.
    budget_usd, table = 1.25, {"models": {"test": {"prompt": 0, "cached": 0, "completion": 1000}}}
    (tmp_path / "prices.json").write_text(json.dumps(table))
    env = {"CITEBRIEF_PRICES": str(tmp_path / "prices.json")}
    with FaultServer() as server:
        for more in ((), ("--resume",)):
            found = batch(
                *(store, tmp_path / "q.txt", tmp_path / "out", "--budget", str(budget_usd), "--jobs", "1", "--json"),
                *(*SMALL, *more),
                llm="openai:test", OPENAI_BASE_URL=server.base_url, **env,
            )  # fmt: skip
            assert found.exit_code == 3
            summary = json.loads(found.stdout)
            assert (summary["ended"], summary["answered"], summary["asked"]) == ("budget", 1, 1 if more else 2)
        assert "that of x is not in the price table" in str(
            batch(
                *(store, tmp_path / "q.txt", tmp_path / "other", "--budget", "1"),
                llm="openai:x", OPENAI_BASE_URL=server.base_url,
            ).exception
        )  # fmt: skip
        assert not (tmp_path / "other" / "manifest.json").exists()
    assert summary["cost"] == pytest.approx(len(server.requests) * 0.02)
    assert 0 < summary["cost"] <= budget_usd
    told = rows(tmp_path / "out")
    assert {row["fault"] for row in told} == {"", "BudgetSpent"}
    assert all("budget" in row["error"] for row in told if row["fault"])


def test_what_was_answered_once_is_not_paid_again(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("Who met in the Seychelles in January 2017?")
    options = (store, tmp_path / "q.txt", tmp_path / "out", "--json", *SMALL)
    with FaultServer() as server:
        first = batch(*options, llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url)
        assert first.exit_code == 0, first.output
        requests = len(server.requests)
        assert json.loads(first.stdout)["cost"] == pytest.approx(requests * ONE_REPLY, rel=1e-3)
        again = batch(*options, "--overwrite", llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url)
        assert len(server.requests) == requests
    without_key = batch(*options, "--overwrite", llm="openai:gpt-4.1-mini")
    for found in (again, without_key):
        assert found.exit_code == 0, found.output
        told = json.loads(found.stdout)
        assert (told["answered"], told["tokens"]["calls"], told["cost"]) == (1, 0, 0)
        assert told["tokens"]["replayed"] > 0


def test_limits_a_minute_reach_the_model(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("Who met in the Seychelles in January 2017?")
    with FaultServer() as server:
        found = batch(
            *(store, tmp_path / "q.txt", tmp_path / "out", "--tpm", "10", *SMALL),
            llm="openai:test", OPENAI_BASE_URL=server.base_url,
        )  # fmt: skip
    assert found.exit_code == 3
    assert server.requests == []
    assert "more than CITEBRIEF_TPM=10 lets pass" in rows(tmp_path / "out")[0]["error"]


def test_once_the_model_is_lost_nobody_else_is_asked(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text(SIX)
    with FaultServer(odds=[(failing(503), 1.0)]) as server:
        found = batch(
            *(store, tmp_path / "q.txt", tmp_path / "out", "--jobs", "1", "--json", *SMALL),
            llm="openai:test", OPENAI_BASE_URL=server.base_url, CITEBRIEF_PATIENCE="0.5",
        )  # fmt: skip
    assert found.exit_code == 3
    assert json.loads(found.stdout)["ended"] == "lost"
    told = rows(tmp_path / "out")
    assert [row["fault"] for row in told] == ["ModelError"] * (FAILURES - 1) + ["ModelLost", "", ""]
    assert [row["status"] for row in told] == ["failed"] * FAILURES + ["open"] * (6 - FAILURES)
    assert told[FAILURES - 1]["fault"] == "ModelLost"
    assert "CITEBRIEF_PATIENCE" in told[FAILURES - 1]["error"]


def test_stopping_wakes_what_waits_for_a_server_that_wants_peace(store: Path) -> None:
    stop, waits = threading.Event(), []
    settings = load_settings({"store": str(store), "llm": "openai:test", "k": 6, "sections": 1})

    def on_progress(_: Question, step: Step) -> None:
        if step.stage == "wait":
            waits.append(step.message)
            stop.set()

    with FaultServer([rate_limited(retry_after=60)] * 9) as server:
        at_server = settings.model_copy(update={"openai_base_url": server.base_url})
        began = time.monotonic()
        asked = [Question(id="one", text="Who met in the Seychelles in January 2017?")]
        (found,) = answer_many(asked, at_server, jobs=1, stop=stop, on_progress=on_progress)
    assert time.monotonic() - began < 20
    assert (found.status, found.error) == ("open", "stopped")
    assert "rate limit" in waits[0]


def test_a_batch_whose_model_is_lost_says_so_and_leaves_the_rest_open(tmp_path: Path) -> None:
    questions = [Question(id=id_, text="Why?") for id_ in ("first", "second")]

    def engine(_: object, __: object, **___: object) -> Generator[QuestionResult]:
        yield QuestionResult(question=questions[0], seconds=1.0, error="gone", fault="ModelLost")

    directory = RunDirectory(path=tmp_path / "out")
    with directory.locked():
        directory.begin({})
        summary = batches.run_batch(questions, load_settings(), directory, jobs=1, engine=engine)
    assert (summary.ended, summary.failed, summary.open) == ("lost", 1, 1)
    assert rows(tmp_path / "out")[1]["error"] == "not asked: the model was lost"


def test_a_dry_run_renders_the_prompts_asks_nothing_and_leaves_nothing(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("Who met in the Seychelles in January 2017?\nHow is sourdough bread made?\n")
    with FaultServer() as server:
        env = {"llm": "openai:gpt-4.1-mini", "OPENAI_BASE_URL": server.base_url}
        found = json.loads(
            batch(store, tmp_path / "q.txt", tmp_path / "out", "--dry-run", "--json", *SMALL, **env).stdout
        )
        assert server.requests == []
        assert not (tmp_path / "out").exists()
        batch(store, tmp_path / "q.txt", tmp_path / "out", *SMALL, **env)
        sent = [request.body["messages"] for request in server.requests]
    assert (found["questions"], found["sample"]) == (2, 2)
    assert 0 < found["cost"] < found["most"]
    # The server's replies fit no passage, so that the real run has rewrites on top: the first calls are those planned.
    characters = sum(len(message["content"]) for messages in sent[: found["calls"]] for message in messages)
    assert 0.15 < found["prompt"] / characters < 0.6
    assert "Planned 2 of 2 questions" in found["how"]


def test_an_estimate_grows_with_the_questions_and_not_with_what_is_sampled(store: Path) -> None:
    settings = load_settings({"store": str(store), "k": 6, "openai_base_url": "http://127.0.0.1:9/v1"})
    choice = resolve("openai:gpt-4.1-mini", settings)
    questions = [Question(id=str(n), text="Who met in the Seychelles in January 2017?") for n in range(60)]
    one, many = (estimate(questions[:n], settings, choice, sample=2) for n in (1, 60))
    assert (many.questions, many.sample, many.calls) == (60, 2, 60 * one.calls)
    assert many.cost == pytest.approx(60 * (one.cost or 0), rel=0.01)
    assert estimate(questions, settings, resolve("extractive", settings)).cost == 0


def test_events_are_json_and_hold_no_question_no_passage_and_no_key(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(CSV)
    with FaultServer([failing(400, "Dmitriev was disappointed")]) as server:
        batch(
            *(store, tmp_path / "q.csv", tmp_path / "out", "--log-json", str(tmp_path / "log"), "--jobs", "2", *SMALL),
            llm="openai:gpt-4.1-mini", OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY="sk-secret-secret",
        )  # fmt: skip
    text = (tmp_path / "log").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert events[0]["event"] == "batch started"
    assert events[-1]["event"] == "batch ended"
    started, ended = ([e for e in events if e["event"] == f"question {what}"] for what in ("started", "ended"))
    assert {e["question"] for e in started} == {e["question"] for e in ended} == {"seychelles", "Panama!", "bread"}
    assert sorted(e["status"] for e in ended) == ["answered", "failed", "insufficient_evidence"]
    for secret in ("sk-secret", "Dmitriev", "French", "sourdough"):
        assert secret not in text


def test_an_event_of_another_module_says_which_question_it_is_about(tmp_path: Path) -> None:
    with events.written_to(str(tmp_path / "log")):
        with events.about("q1"):
            events.log_event("retried", status=429, after=1.5)
        events.log_event("paused")
    events.log_event("nobody listens any more")
    first, second = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert first == {"at": first["at"], "event": "retried", "question": "q1", "status": 429, "after": 1.5}
    assert second == {"at": second["at"], "event": "paused"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_log_that_cannot_be_written_is_told_once_and_stops_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with events.written_to("/dev/full"):
        events.log_event("first")
        events.log_event("second")
    assert capfd.readouterr().err == "--log-json /dev/full: cannot be written any more; going on without it\n"


def test_a_full_disk_ends_it_in_one_line_keeps_what_is_finished_and_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, asked, real, synced = tmp_path / "out", tmp_path / "asked", os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        if synced > 14:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(CitebriefError, match=r"no space left on device; what is finished is kept: mend this"):
            crashes.run(path, asked)
    assert from_json((path / "one.json").read_bytes()).question == "What of one?"
    assert crashes.run(path, asked).failed == 0
    assert crashes.verify(path) == []
    assert asked.read_text().split().count("one") == 1


def test_killed_at_any_of_its_writes_it_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(Path(crashes.__file__)), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["kills"] > 40
    assert found["wrong"] == {}
    assert found["asked_again"] <= 1  # the brief that was not yet on the disk when the kill came


@pytest.mark.slow
@pytest.mark.parametrize("what", ["batch", "index"])
def test_killed_twenty_times_at_random_moments_nothing_is_lost_or_torn(what: str) -> None:
    documents = [str(ROOT / "corpus" / name) for name in ("seychelles-meeting.txt", "panama-canal-construction.txt")]
    ran = subprocess.run(
        [sys.executable, str(ROOT / "eval" / "bench" / "kills.py"), what, *documents],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(ran.stdout)
    assert (found["kills"], found["wrong"]) == (20, [])


def test_a_brief_that_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    questions = [Question(id="bad", text="Half a pair \ud800?"), Question(id="good", text="Why?")]
    directory = RunDirectory(path=tmp_path / "out")
    with directory.locked():
        directory.begin({})
        for question in questions:
            directory.keep(
                QuestionResult(question=question, seconds=1, brief=replace(briefs.answered(), question=question.text))
            )
        directory.settle(questions)
    bad, good = rows(tmp_path / "out")
    assert (bad["status"], good["status"]) == ("failed", "answered")
    assert "surrogates" in bad["error"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_what_runs_leaves_a_row_an_id_and_can_be_gone_on_with(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(CSV)
    command = [
        *(sys.executable, "-c", "from rag.cli.main import main; main()", "batch", str(tmp_path / "q.csv"), "--json"),
        *("--out", str(tmp_path / "out"), "--store", str(store), "--llm", "openai:test", "--jobs", "1"),
    ]
    with FaultServer([slow(1)] * 100) as server:
        env = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": ""}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)
        deadline = time.monotonic() + 120
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert time.monotonic() - began < 30
    assert "stopping" in told
    assert "Traceback" not in told
    summary = json.loads(said)
    assert (summary["ended"], summary["open"], summary["failed"]) == ("stopped", 3, 0)
    assert [(row["id"], row["status"]) for row in rows(tmp_path / "out")] == [
        ("seychelles", "open"), ("Panama!", "open"), ("bread", "open"),
    ]  # fmt: skip
