"""Kill a batch, or the indexer, with SIGKILL at random moments; go on; then look for what was lost, torn or paid twice.

    python eval/bench/kills.py batch DOCUMENT … [--kills 20] [--questions 12] [--jobs 4]
    python eval/bench/kills.py index DOCUMENT … [--kills 20]

``batch`` asks the fault server of ``tests/``, which notes what it is asked, and when: a request that comes again
although its reply had arrived, with no kill in between, is money spent twice. Processes are forked from one that has
imported everything, so that kills fall on the work and not on its imports. Prints one JSON object; exits 1 if anything
is wrong.
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
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

SLOW = 0.3
"""Seconds of one reply of the fault server."""

LATE = 0.5
"""Seconds that a reply may take beyond that to arrive and be kept."""

LONGEST = 12.0
"""Seconds after which a batch is killed at the latest; an index after as long as building it in one go took."""

SHIPS = 30
"""Documents that change from build to build."""

WORDS = ("Who", "When was it that anybody", "Where was it that somebody", "Why was it that somebody")


def main() -> int:
    """Kill and verify."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["batch", "index"])
    parser.add_argument("documents", nargs="+")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    for name in (
        "chromadb",
        "sentence_transformers",
        "langchain_openai",
        "rag.batch.runner",
        "rag.ingest",
        "rag.batch.run_directory",
    ):
        __import__(name)  # before the first fork
    random.seed(given.seed)
    with tempfile.TemporaryDirectory() as directory:
        found = (batches if given.what == "batch" else indexes)(given, Path(directory))
    print(json.dumps(found, indent=1))
    return 1 if found["wrong"] else 0


def batches(given: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Batches until enough of them were killed; each is gone on with until it is done, and verified."""
    store, counted = directory / "store", directory / "asked"
    counted.touch()
    forked(lambda: command("index", *given.documents, "--store", str(store), "--quiet"))
    base_url, server = serving(counted)
    questions = directory / "questions.jsonl"
    names = [name for path in given.documents for name in Path(path).stem.split("-")]
    questions.write_text(
        "".join(
            json.dumps({"id": f"q{n}", "question": f"{WORDS[n % 4]} spoke of {names[n % len(names)]}?", "k": 10 + n})
            + "\n"
            for n in range(given.questions)
        )
    )
    os.environ |= {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "", "CITEBRIEF_RETRIES": "0"}
    words = [
        *("batch", str(questions), "--store", str(store), "--llm", "openai:gpt-4.1-mini", "--jobs", str(given.jobs)),
        *("--quiet", "--resume", "--sections", "2"),
    ]
    wrong: list[str] = []
    kills, done, again, twice = 0, 0, 0, 0
    while kills < given.kills:
        out = directory / f"out-{done}"
        counted.write_text("")
        moments = []
        latest = LONGEST if kills < given.kills else 0.0
        while not (ended := forked(lambda out=out: command(*words, "--out", str(out)), latest)):  # type: ignore[misc]
            moments.append(time.monotonic())
            kills += 1
            latest = LONGEST if kills < given.kills else 0.0
        done += 1
        wrong += [] if ended == "0" else [f"{out.name} ended with {ended}"]
        wrong += verify(out, given.questions)
        repeated, paid = repeats([line.split() for line in counted.read_text().splitlines()], moments)
        again, twice = again + repeated, twice + paid
        wrong += [f"{out.name}: {paid} replies paid for twice"] if paid else []
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    return {
        "kills": kills,
        "batches": done,
        "questions": done * given.questions,
        "asked_again_because_under_way_at_a_kill": again - twice,
        "paid_twice": twice,
        "wrong": wrong,
    }


def repeats(asked: list[list[str]], kills: list[float]) -> tuple[int, int]:
    """Requests that came again, and those of them whose earlier reply had arrived before any kill."""
    latest: dict[str, float] = {}
    again = twice = 0
    for key, moment in ((key, float(moment)) for key, moment in asked):
        if key in latest:
            arrived = latest[key] + SLOW + LATE
            again += 1
            twice += moment > arrived and not any(latest[key] <= kill <= arrived for kill in kills)
        latest[key] = moment
    return again, twice


def verify(out: Path, questions: int) -> list[str]:
    """What is wrong with the folder of a batch that is done."""
    from rag.batch.run_directory import REPLIES
    from rag.render import render
    from rag.render.json import from_json

    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().split("\n") if line]
    wrong = [] if [row["id"] for row in rows] == [f"q{n}" for n in range(questions)] else [f"{out.name}: other rows"]
    for row in rows:
        if row["sha256"] is None:
            wrong.append(f"{out.name}: {row['id']}: {row['status']}, {row['error']}")
            continue
        content = (out / row["files"]["json"]).read_bytes()
        brief = from_json(content)
        for name, right in (
            ("its digest", hashlib.sha256(content).hexdigest() == row["sha256"]),
            ("its question", brief.question == row["question"]),
            ("md", (out / row["files"]["md"]).read_text() == render(brief, "md")),
            ("html", (out / row["files"]["html"]).read_text() == render(brief, "html")),
        ):
            wrong += [] if right else [f"{out.name}: {row['id']}: {name}"]
    ours = {
        "manifest.json",
        "results.jsonl",
        ".lock",
        ".paid",
        *(name for row in rows for name in row["files"].values()),
    }
    strange = {file.name for file in out.rglob("*") if file.is_file() and file.parent.name != REPLIES} - ours
    return wrong + ([f"{out.name}: left behind: {sorted(strange)}"] if strange else [])


def indexes(given: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """One index, built and then changed again and again; after each kill it is as before, or as after."""
    documents, store = directory / "documents", directory / "store"
    documents.mkdir()
    for path in given.documents:
        shutil.copy(path, documents)
    wrong: list[str] = []
    kills, builds, before = 0, 0, "no index"
    words = ("index", str(documents), "--store", str(store), "--quiet")
    while kills < given.kills:
        (documents / "count.md").write_text(f"# The count\n\nThe committee counted {builds} builds of the index.\n")
        for number in range(SHIPS):
            text = (
                f"# Ship {number}\n\nShip number {number} passed the canal in {1900 + builds}, the committee wrote.\n"
            )
            (documents / f"ship-{number}.md").write_text(text)
        began = time.monotonic()
        forked(lambda: command("index", str(documents), "--store", str(directory / f"fresh-{builds}"), "--quiet"))  # noqa: B023
        whole = time.monotonic() - began
        after = state(directory / f"fresh-{builds}")
        while not (ended := forked(lambda: command(*words), whole if kills < given.kills else 0.0)):
            kills += 1
            if (now := state(store)) not in (before, after):
                wrong.append(f"kill {kills}: neither the index before nor the one after: {now}")
        builds += 1
        before = state(store)
        wrong += [] if ended == "0" else [f"build {builds} ended with {ended}"]
        wrong += [] if before == after else [f"build {builds}: {before}, built in one go {after}"]
    return {"kills": kills, "builds": builds, "documents": len(list(documents.iterdir())), "wrong": wrong}


def state(store: Path) -> str:
    """What the index in ``store`` is: its fingerprint, its counts, whether each vector is there; and what it finds."""

    def look() -> str:
        from rag import pipeline
        from rag.config import load_settings
        from rag.embedding.encoder import load_embedder as embedder
        from rag.errors import IndexMissing
        from rag.store.index import Index

        try:
            index = Index.open(str(store), embedder("minilm"))
        except IndexMissing:
            return "no index"
        records = list(index.catalogue.records())
        there = index.vector_store.has(records)
        [hit] = pipeline.search("How many builds did the committee count?", load_settings({"store": str(store)}), k=1)
        return f"{index.fingerprint} {index.catalogue.count()} {len(records) - len(there)} lost; {hit.chunk.text!r}"

    return forked(look)


def command(*words: str) -> str:
    """Run the command line in this process; its exit status."""
    from rag.cli.main import main as run

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ["citebrief", *words]
    try:
        run()
    except SystemExit as exit_:
        return str(exit_.code or 0)


def forked(do: Callable[[], str], latest: float = 0.0) -> str:
    """What ``do`` returns in a process of its own, or nothing: with ``latest`` it is killed at a random moment, at most
    so many seconds after its beginning, unless it ends before."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        said = "no answer"
        try:
            said = do()
        except BaseException as error:
            said = repr(error)
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.close(writer)
    if latest:
        deadline = time.monotonic() + random.uniform(0.2, latest)
        while time.monotonic() < deadline and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def serving(counted: Path) -> tuple[str, int]:
    """A fault server in a process of its own, which notes in ``counted`` what it is asked: its address and its id."""
    from fault_server import FaultServer, ReceivedRequest, ScriptedReply, slow

    class Counting(FaultServer):
        def _next(self, asked: ReceivedRequest) -> ScriptedReply:
            with self._lock, counted.open("a") as file:
                key = hashlib.sha256(json.dumps(asked.body, sort_keys=True).encode()).hexdigest()[:16]
                file.write(f"{key} {asked.at}\n")
            return slow(SLOW)

    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        with Counting() as server:
            os.write(writer, server.base_url.encode())
            os.close(writer)
            signal.pause()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return pipe.read(), child


if __name__ == "__main__":
    sys.exit(main())
