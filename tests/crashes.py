"""Kills a batch at each of its writes in turn, goes on with it, and tells what was lost. For ``test_batch.py``.

    python tests/crashes.py FOLDER

Every call that changes the disk for good (a sync, a rename, a removal, a new folder) is counted, and the process ends
before the n-th, without another word, for every n there is. Briefs are canned, everything else is real. Prints JSON.
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

from rag.batch import runner
from rag.batch.parallel import QuestionResult
from rag.batch.run_directory import RunDirectory
from rag.config import Settings
from rag.render import render
from rag.render.json import from_json
from rag.types import Question

QUESTIONS = [Question(id=id_, text=f"What of {id_}?") for id_ in ("one", "two", "Three!")]
MANIFEST = {"model": "canned"}


def canned(questions: Iterable[Question], settings: Settings, *, asked: Path, **_: Any) -> Generator[QuestionResult]:
    """A brief for each question, but that "two" fails the first time; notes in the file ``asked`` who was asked."""
    for question in questions:
        before = asked.read_text().split() if asked.exists() else []
        with asked.open("a") as file:
            file.write(f"{question.id}\n")
        brief = replace(briefs.answered(), question=question.text)
        if question.id == "two" and "two" not in before:
            yield QuestionResult(question=question, seconds=1.0, draft=brief, error="lost", fault="ModelError")
        else:
            yield QuestionResult(question=question, seconds=1.0, brief=brief)


def run(path: Path, asked: Path) -> runner.Summary:
    """Begin or go on."""
    directory = RunDirectory(path=path)
    with directory.locked():
        directory.go_on(MANIFEST, fix="")
        return runner.run_batch(
            QUESTIONS,
            Settings(),
            directory,
            jobs=1,
            engine=lambda questions, settings, **more: canned(questions, settings, asked=asked),
        )


def dying(at: int) -> None:
    """Let this process end at the ``at``-th thing that it does to the disk."""
    done = 0

    def counted(name: str) -> None:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done == at:
                os._exit(9)
            return real(*args, **kwargs)

        setattr(os, name, call)

    for name in ("fsync", "replace", "unlink", "fchmod", "mkdir"):
        counted(name)


def killed(path: Path, asked: Path, at: int) -> bool:
    """Run in a child that dies at its ``at``-th write; whether it did."""
    child = os.fork()
    if child == 0:
        dying(at)
        try:
            run(path, asked)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def verify(path: Path) -> list[str]:
    """What is wrong with the folder of a batch that is done."""
    wrong = []
    rows = [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
    if [row["id"] for row in rows] != [question.id for question in QUESTIONS]:
        wrong.append(f"rows {[row['id'] for row in rows]}")
    for row in rows:
        if row["status"] != "answered":
            wrong.append(f"{row['id']} {row['status']}")
            continue
        brief = from_json((path / row["files"]["json"]).read_bytes())
        wrong += [f"{row['id']}: another brief"] if brief.question != row["question"] else []
        for form in ("md", "html"):
            if (path / row["files"][form]).read_text(encoding="utf-8") != render(brief, form):
                wrong.append(f"{row['id']}.{form} is damaged")
    ours = {"manifest.json", "results.jsonl", ".lock", *(name for row in rows for name in row["files"].values())}
    strange = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()} - ours
    return wrong + ([f"left behind: {sorted(strange)}"] if strange else [])


def main(directory: Path) -> None:
    """For every n: die at the n-th write, go on until done, verify."""
    wrong: dict[int, Any] = {}
    asked_again: list[int] = []
    at = 1
    while True:
        path, asked = directory / f"out-{at}", directory / f"asked-{at}"
        died = killed(path, asked, at)
        run(path, asked)
        if run(path, asked).failed or (problems := verify(path)):
            wrong[at] = problems
        # Three questions, one of which has to be asked twice: what is more was asked again because of the kill.
        asked_again.append(len(asked.read_text().split()) - 4)
        if not died:
            break
        at += 1
    print(json.dumps({"kills": at - 1, "wrong": wrong, "asked_again": max(asked_again)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
