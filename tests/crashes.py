"""Kills a batch at each of its writes in turn, resumes it, and reports what was lost.

    python tests/crashes.py DIRECTORY

Every call that changes the disk permanently (a sync, a rename, a removal, a new directory) is counted. For each n, a
child process exits without any cleanup before its n-th such call. Briefs are canned; everything else is the real code.
Prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import briefs

from rag.batch import BatchSummary, QuestionResult, RunDirectory, run_batch
from rag.config import Settings
from rag.render import render
from rag.render.json import from_json
from rag.types import Question

QUESTIONS = [Question(id=id_, text=f"What of {id_}?") for id_ in ("one", "two", "Three!")]
MANIFEST = {"model": "canned"}
KILLED = 9


def answer_canned(
    questions: Iterable[Question], settings: Settings, *, log: Path, **_: Any
) -> Generator[QuestionResult]:
    """Answer each question with a canned brief, but fail "two" the first time. Appends the ids to the file ``log``."""
    for question in questions:
        earlier = log.read_text().split() if log.exists() else []
        with log.open("a") as file:
            file.write(f"{question.id}\n")
        brief = replace(briefs.answered(), question=question.text)
        if question.id == "two" and "two" not in earlier:
            yield QuestionResult(question=question, seconds=1.0, draft=brief, error="lost", fault="ModelError")
        else:
            yield QuestionResult(question=question, seconds=1.0, brief=brief)


def run_canned_batch(path: Path, log: Path) -> BatchSummary:
    """Start or resume the batch in ``path``."""
    directory = RunDirectory(path=path)
    with directory.locked():
        directory.resume(MANIFEST, fix="")
        return run_batch(
            QUESTIONS,
            Settings(),
            directory,
            jobs=1,
            answer=lambda questions, settings, **more: answer_canned(questions, settings, log=log),
        )


def exit_before_write(number: int) -> None:
    """Let this process exit before its call with this ``number`` (from 1) that changes the disk."""
    calls = 0

    def count_calls(name: str) -> None:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                os._exit(KILLED)
            return real(*args, **kwargs)

        setattr(os, name, call)

    for name in ("fsync", "replace", "unlink", "fchmod", "mkdir"):
        count_calls(name)


def is_killed_at(number: int, path: Path, log: Path) -> bool:
    """Run the batch in a child process that exits before write ``number``. Returns False if it ended before that."""
    child = os.fork()
    if child == 0:
        exit_before_write(number)
        try:
            run_canned_batch(path, log)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def find_damage(path: Path) -> list[str]:
    """List what is missing, damaged or left over in the run directory of a finished batch."""
    damage = []
    rows = [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
    if [row["id"] for row in rows] != [question.id for question in QUESTIONS]:
        damage.append(f"rows {[row['id'] for row in rows]}")
    for row in rows:
        if row["status"] != "answered":
            damage.append(f"{row['id']} {row['status']}")
            continue
        brief = from_json((path / row["files"]["json"]).read_bytes())
        damage += [f"{row['id']}: another brief"] if brief.question != row["question"] else []
        for form in ("md", "html"):
            if (path / row["files"][form]).read_text(encoding="utf-8") != render(brief, form):
                damage.append(f"{row['id']}.{form} is damaged")
    known = {"manifest.json", "results.jsonl", ".lock", *(name for row in rows for name in row["files"].values())}
    left = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()} - known
    return damage + ([f"left behind: {sorted(left)}"] if left else [])


def main(directory: Path) -> None:
    """For each n: exit before the n-th write, resume until done, and look for damage."""
    wrong: dict[int, Any] = {}
    repeated: list[int] = []
    number = 1
    while True:
        path, log = directory / f"out-{number}", directory / f"log-{number}"
        killed = is_killed_at(number, path, log)
        run_canned_batch(path, log)
        if run_canned_batch(path, log).failed or (damage := find_damage(path)):
            wrong[number] = damage
        # Without a kill there are four attempts: three questions, one of which fails once.
        repeated.append(len(log.read_text().split()) - 4)
        if not killed:
            break
        number += 1
    print(json.dumps({"kills": number - 1, "wrong": wrong, "repeated": max(repeated)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
