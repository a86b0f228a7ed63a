"""A run directory keeps every finished brief, whatever interrupts the run."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import briefs
import crashes
import pytest

from rag.batch import QuestionResult, RunDirectory
from rag.errors import CitebriefError, UsageError
from rag.render.json import from_json
from rag.types import Question

ROOT = Path(__file__).parents[2]


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The run directory of a finished canned batch."""
    path, log = tmp_path / "out", tmp_path / "log"
    crashes.run_canned_batch(path, log)
    assert crashes.run_canned_batch(path, log).answered == len(crashes.QUESTIONS)
    return path


def rows(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "results.jsonl").read_text().splitlines()]


def result(id_: str, text: str) -> QuestionResult:
    brief = replace(briefs.answered(), question=text)
    return QuestionResult(question=Question(id=id_, text=text), seconds=1.0, brief=brief)


def test_a_truncated_last_line_loses_neither_brief_nor_row(finished: Path) -> None:
    content = (finished / "results.jsonl").read_bytes()
    lines = content.splitlines(keepends=True)
    directory = RunDirectory(path=finished)
    first, last = (question.id for question in (crashes.QUESTIONS[0], crashes.QUESTIONS[-1]))
    for cut in range(1, len(lines[-1]), 29):
        (finished / "results.jsonl").write_bytes(content[:-cut] + (b"\0\0\0" if cut % 2 else b""))
        assert directory.unanswered(crashes.QUESTIONS) == []
        assert directory.rows[last].sha256 == json.loads(lines[-1])["sha256"]
        assert directory.rows[first] == directory.rows[first].model_validate_json(lines[0])


def test_a_second_run_in_the_same_directory_is_refused_at_once(tmp_path: Path) -> None:
    with RunDirectory(path=tmp_path).locked():
        started = time.monotonic()
        with (
            pytest.raises(CitebriefError, match="another run writes there; wait for it, or choose another --out"),
            RunDirectory(path=tmp_path).locked(),
        ):
            pass
    assert time.monotonic() - started < 5


def test_a_manifest_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"schema": "citebrief.run/1"}')
    with (
        pytest.raises(UsageError, match=r"manifest\.json is not that of a citebrief\.batch/1: choose another --out"),
        RunDirectory(path=tmp_path).locked(),
    ):
        pass


def test_a_brief_that_cannot_be_encoded_fails_and_the_next_is_saved(tmp_path: Path) -> None:
    results = [result("bad", "An unpaired surrogate \ud800?"), result("good", "Why?")]
    directory = RunDirectory(path=tmp_path / "out")
    with directory.locked():
        directory.start({})
        for each in results:
            directory.save(each)
        directory.write_results(each.question for each in results)
    bad, good = rows(tmp_path / "out")
    assert (bad["status"], bad["fault"], good["status"]) == ("failed", "UnicodeEncodeError", "answered")
    assert "surrogates" in bad["error"]


def test_payments_are_summed_without_a_truncated_last_line(tmp_path: Path) -> None:
    directory = RunDirectory(path=tmp_path)
    assert directory.total_paid() == 0
    directory.record_payment(0.25)
    directory.record_payment(0.5)
    with (tmp_path / ".paid").open("a") as file:
        file.write("0.12")
    assert directory.total_paid() == 0.75
    directory.record_payment(1.5)
    directory.record_payment(1e-05)
    assert directory.total_paid() == 0.75 + 1.5 + 1e-05, "the truncated line gives way to the next one"


def test_a_full_disk_ends_the_run_in_one_line_and_finished_briefs_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, log, real, syncs = tmp_path / "out", tmp_path / "log", os.fsync, 0

    def full_disk(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        if syncs > 14:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full_disk)
        with pytest.raises(
            CitebriefError, match="no space left on device; finished briefs are kept: fix this"
        ) as caught:
            crashes.run_canned_batch(path, log)
    assert "\n" not in str(caught.value)
    assert from_json((path / "one.json").read_bytes()).question == "What of one?"
    assert crashes.run_canned_batch(path, log).failed == 0
    assert crashes.find_damage(path) == []
    assert log.read_text().split().count("one") == 1


@pytest.mark.integration  # kills real processes
def test_a_run_killed_at_any_of_its_writes_can_be_resumed_without_loss(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(Path(crashes.__file__)), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["kills"] > 40
    assert found["wrong"] == {}
    assert found["repeated"] <= 1, "only the question whose brief was not on the disk yet may be repeated"


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("what", ["batch", "index"])
def test_twenty_kills_at_random_moments_lose_and_truncate_nothing(what: str) -> None:
    documents = [str(ROOT / "corpus" / name) for name in ("seychelles-meeting.txt", "panama-canal-construction.txt")]
    ran = subprocess.run(
        [sys.executable, str(ROOT / "eval" / "bench" / "kills.py"), what, *documents],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(ran.stdout)
    assert (found["kills"], found["wrong"]) == (20, [])
