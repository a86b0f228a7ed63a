"""How well a batch overlaps waiting and work: its time ÷ the larger of what the server and the processor need alone.

    python eval/bench/overlap.py --store .citebrief [--questions 100] [--jobs 10] [--seconds 1]

The same questions are asked twice of a server that quotes what it is shown (``scripted.py``): one that takes no time,
which tells what the processor needs, and one whose every reply takes ``--seconds``. The server's own time is its
replies times that, divided by the most that may be in flight. Each run has a process of its own, as has the server.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from scripted import Quoting, questions

# isort: split
from rag.llm import MAX_IN_FLIGHT
from rag.pipeline import CALLS


def main() -> None:
    """Print the ratio and what it is made of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--asked-of", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.asked_of:
        print(json.dumps(answered(given)))
        return
    alone, measured = (run(seconds) for seconds in (0.0, given.seconds))
    flights = max(MAX_IN_FLIGHT, CALLS * given.jobs)
    server = measured["requests"] * given.seconds / flights
    print(
        json.dumps(
            {
                "questions": given.questions,
                "answered": measured["answered"],
                "calls_a_question": round(measured["requests"] / max(1, measured["answered"]), 2),
                "in_flight_allowed": flights,
                "in_flight_at_most": measured["at_most"],
                "wall_s": measured["wall"],
                "server_s": round(server, 1),
                "processor_s": alone["wall"],
                "cpu_s": measured["cpu"],
                "ratio": round(measured["wall"] / max(server, alone["wall"]), 3),
            }
        )
    )


def run(seconds: float) -> dict[str, Any]:
    """One run against a server of its own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(seconds, theirs))
    process.start()
    words = [sys.executable, __file__, *sys.argv[1:], "--asked-of", ours.recv()]
    found: dict[str, Any] = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    ours.send("enough")
    found |= ours.recv()
    process.join()
    return found


def serve(seconds: float, line: Connection) -> None:
    """Tell the address; then, when asked, what was asked."""
    with Quoting(seconds=seconds) as server:
        line.send(server.base_url)
        line.recv()
        line.send({"requests": len(server.requests), "at_most": server.max_in_flight})


def answered(given: argparse.Namespace) -> dict[str, Any]:
    """Ask everything; seconds from the first question to the last brief."""
    os.environ |= {"OPENAI_BASE_URL": given.asked_of, "OPENAI_API_KEY": ""}
    from rag.config import load_settings
    from rag.pipeline import answer_many
    from rag.types import Question
    from rag.verify.verifier import default_verifier

    asked = [Question(id=text, text=text) for text in questions(given.store, given.questions)]
    default_verifier()
    settings = load_settings({"store": given.store, "llm": "openai:test"})
    started, used = time.perf_counter(), time.process_time()
    briefs = [found.brief for found in answer_many(asked, settings, jobs=given.jobs)]
    return {
        "wall": round(time.perf_counter() - started, 1),
        "cpu": round(time.process_time() - used, 1),
        "answered": sum(brief is not None and brief.status == "answered" for brief in briefs),
    }


if __name__ == "__main__":
    main()
