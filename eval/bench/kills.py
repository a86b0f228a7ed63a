"""Kill a batch or the indexer with SIGKILL at random times, resume it, and look for lost, torn or twice-paid work.

    python -m eval.bench.kills batch DOCUMENT … [--kills 20] [--questions 12] [--jobs 4]
    python -m eval.bench.kills index DOCUMENT … [--kills 20]

``batch`` sends its questions to the fault server of ``tests/``, which logs each request and its time. A request that
is repeated although its reply had arrived, with no kill in between, was paid twice. The processes are forked from one
that has imported everything, so that kills hit the work and not the imports. Prints one JSON object; exits with 1 if
an error was found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

REPLY_SECONDS = 0.3
"""Time of one reply of the fault server."""

REPLY_MARGIN = 0.5
"""Further seconds within which a reply has arrived and has been stored."""

LATEST_KILL = 12.0
"""Seconds after which a batch is killed at the latest. For an index this is the time of an uninterrupted build."""

CHANGING_DOCUMENTS = 30
"""Documents that differ from build to build."""

QUESTION_STARTS = ("Who", "When was it that anybody", "Where was it that somebody", "Why was it that somebody")


def main() -> int:
    """Kill, resume and verify; print the result and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["batch", "index"])
    parser.add_argument("documents", nargs="+")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    for name in (
        "chromadb",
        "sentence_transformers",
        "langchain_openai",
        "rag.batch.runner",
        "rag.ingest",
        "rag.batch.run_directory",
    ):
        __import__(name)  # before the first fork
    random.seed(args.seed)
    with tempfile.TemporaryDirectory() as directory:
        result = (kill_batches if args.what == "batch" else kill_indexes)(args, Path(directory))
    print(json.dumps(result, indent=1))
    return 1 if result["wrong"] else 0


def kill_batches(args: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Run batches until there were enough kills; resume each batch until it is complete, then verify it."""
    store, log = directory / "store", directory / "requests"
    log.touch()
    run_forked(partial(run_command, "index", *args.documents, "--store", str(store), "--quiet"))
    base_url, server = start_server(log)
    questions = directory / "questions.jsonl"
    names = [name for path in args.documents for name in Path(path).stem.split("-")]
    questions.write_text(
        "".join(
            json.dumps(
                {"id": f"q{n}", "question": f"{QUESTION_STARTS[n % 4]} spoke of {names[n % len(names)]}?", "k": 10 + n}
            )
            + "\n"
            for n in range(args.questions)
        )
    )
    os.environ |= {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "", "CITEBRIEF_RETRIES": "0"}
    command = [
        *("batch", str(questions), "--store", str(store), "--llm", "openai:gpt-4.1-mini", "--jobs", str(args.jobs)),
        *("--quiet", "--resume", "--sections", "2"),
    ]
    errors: list[str] = []
    kills, complete, repeated, paid_twice = 0, 0, 0, 0
    while kills < args.kills:
        out = directory / f"out-{complete}"
        resume = partial(run_command, *command, "--out", str(out))
        log.write_text("")
        kill_times = []
        latest = LATEST_KILL if kills < args.kills else 0.0
        while not (status := run_forked(resume, latest)):
            kill_times.append(time.monotonic())
            kills += 1
            latest = LATEST_KILL if kills < args.kills else 0.0
        complete += 1
        errors += [] if status == "0" else [f"{out.name} ended with {status}"]
        errors += errors_in(out, args.questions)
        again, twice = count_repeats([line.split() for line in log.read_text().splitlines()], kill_times)
        repeated, paid_twice = repeated + again, paid_twice + twice
        errors += [f"{out.name}: {twice} replies paid for twice"] if twice else []
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    return {
        "kills": kills,
        "batches": complete,
        "questions": complete * args.questions,
        "asked_again_because_under_way_at_a_kill": repeated - paid_twice,
        "paid_twice": paid_twice,
        "wrong": errors,
    }


def count_repeats(requests: list[list[str]], kills: list[float]) -> tuple[int, int]:
    """Count the requests (key, time) that were repeated, and those whose earlier reply had arrived before any kill."""
    latest: dict[str, float] = {}
    repeated = paid_twice = 0
    for key, text in requests:
        sent = float(text)
        if key in latest:
            arrived = latest[key] + REPLY_SECONDS + REPLY_MARGIN
            repeated += 1
            paid_twice += sent > arrived and not any(latest[key] <= kill <= arrived for kill in kills)
        latest[key] = sent
    return repeated, paid_twice


def errors_in(out: Path, questions: int) -> list[str]:
    """Return the errors in the run directory ``out`` of a complete batch."""
    from rag.batch.run_directory import RESPONSE_CACHE
    from rag.render import render
    from rag.render.json import from_json

    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().split("\n") if line]
    errors = [] if [row["id"] for row in rows] == [f"q{n}" for n in range(questions)] else [f"{out.name}: other rows"]
    for row in rows:
        if row["sha256"] is None:
            errors.append(f"{out.name}: {row['id']}: {row['status']}, {row['error']}")
            continue
        content = (out / row["files"]["json"]).read_bytes()
        brief = from_json(content)
        for name, is_correct in (
            ("its digest", hashlib.sha256(content).hexdigest() == row["sha256"]),
            ("its question", brief.question == row["question"]),
            ("md", (out / row["files"]["md"]).read_text() == render(brief, "md")),
            ("html", (out / row["files"]["html"]).read_text() == render(brief, "html")),
        ):
            errors += [] if is_correct else [f"{out.name}: {row['id']}: {name}"]
    expected = {
        "manifest.json",
        "results.jsonl",
        ".lock",
        ".paid",
        *(name for row in rows for name in row["files"].values()),
    }
    unexpected = {
        file.name for file in out.rglob("*") if file.is_file() and file.parent.name != RESPONSE_CACHE
    } - expected
    return errors + ([f"{out.name}: left behind: {sorted(unexpected)}"] if unexpected else [])


def kill_indexes(args: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Build an index and change it repeatedly; after each kill it must equal the one before or the one after."""
    documents, store = directory / "documents", directory / "store"
    documents.mkdir()
    for path in args.documents:
        shutil.copy(path, documents)
    errors: list[str] = []
    kills, builds, before = 0, 0, "no index"
    command = ("index", str(documents), "--store", str(store), "--quiet")
    while kills < args.kills:
        (documents / "count.md").write_text(f"# The count\n\nThe committee counted {builds} builds of the index.\n")
        for number in range(CHANGING_DOCUMENTS):
            text = (
                f"# Ship {number}\n\nShip number {number} passed the canal in {1900 + builds}, the committee wrote.\n"
            )
            (documents / f"ship-{number}.md").write_text(text)
        fresh = str(directory / f"fresh-{builds}")
        started = time.monotonic()
        run_forked(partial(run_command, "index", str(documents), "--store", fresh, "--quiet"))
        build_seconds = time.monotonic() - started
        after = describe_index(Path(fresh))
        while not (status := run_forked(partial(run_command, *command), build_seconds if kills < args.kills else 0.0)):
            kills += 1
            if (now := describe_index(store)) not in (before, after):
                errors.append(f"kill {kills}: neither the index before nor the one after: {now}")
        builds += 1
        before = describe_index(store)
        errors += [] if status == "0" else [f"build {builds} ended with {status}"]
        errors += [] if before == after else [f"build {builds}: {before}, uninterrupted {after}"]
    return {"kills": kills, "builds": builds, "documents": len(list(documents.iterdir())), "wrong": errors}


def describe_index(store: Path) -> str:
    """Describe the index in ``store``: its fingerprint, counts, missing vectors, and the result of a search."""

    def describe() -> str:
        from rag import pipeline
        from rag.config import load_settings
        from rag.embedding import load_embedder
        from rag.errors import IndexMissing
        from rag.store import Index

        try:
            index = Index.open(str(store), load_embedder("minilm"))
        except IndexMissing:
            return "no index"
        records = list(index.catalogue.records())
        stored = index.vector_store.has(records)
        [hit] = pipeline.search("How many builds did the committee count?", load_settings({"store": str(store)}), k=1)
        return f"{index.fingerprint} {index.catalogue.count()} {len(records) - len(stored)} lost; {hit.chunk.text!r}"

    return run_forked(describe)


def run_command(*words: str) -> str:
    """Run a command of citebrief in this process, without its output; return the exit status."""
    from rag.cli.main import main as run_cli

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ["citebrief", *words]
    try:
        run_cli()
    except SystemExit as exit_:
        return str(exit_.code or 0)


def run_forked(work: Callable[[], str], latest: float = 0.0) -> str:
    """Run ``work`` in a forked process and return its result, or "" if the process was killed.

    With ``latest`` the process is killed at a random time, at most ``latest`` seconds after its start, unless it ends
    before.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        result = "no result"
        try:
            result = work()
        except BaseException as error:
            result = repr(error)
        finally:
            os.write(writer, result.encode())
            os._exit(0)
    os.close(writer)
    if latest:
        deadline = time.monotonic() + random.uniform(0.2, latest)
        while time.monotonic() < deadline and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader) as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return result


def start_server(log: Path) -> tuple[str, int]:
    """Start a fault server that logs its requests, in a forked process; return its address and the process id."""
    from fault_server import FaultServer, ReceivedRequest, ScriptedReply, slow

    class LoggingServer(FaultServer):
        def _next(self, request: ReceivedRequest) -> ScriptedReply:
            with self._lock, log.open("a") as file:
                key = hashlib.sha256(json.dumps(request.body, sort_keys=True).encode()).hexdigest()[:16]
                file.write(f"{key} {request.at}\n")
            return slow(REPLY_SECONDS)

    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        with LoggingServer() as server:
            os.write(writer, server.base_url.encode())
            os.close(writer)
            signal.pause()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return pipe.read(), child


if __name__ == "__main__":
    sys.exit(main())
