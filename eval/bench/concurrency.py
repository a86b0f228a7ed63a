"""Measure how well a batch hides waiting: its time ÷ the longer of the server's and the processor's time alone.

    python -m eval.bench.concurrency --store .citebrief [--questions 100] [--jobs 10] [--seconds 1]

The same questions are asked twice of a server that quotes the passages of the prompt (``quoting_server.py``): once
with replies that take no time, which gives the processor's time, and once with replies that take ``--seconds``. The
server's time is the number of its replies times ``--seconds``, divided by the number of calls allowed in flight. Each
run and each server has a process of its own. Prints one JSON object.
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

from rag.batch.parallel import calls_in_flight

from .quoting_server import QuotingServer, questions_about


def main() -> None:
    """Print the ratio and its parts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--base-url", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.base_url:
        print(json.dumps(measure_times(args)))
        return
    processor, delayed = (run_in_subprocess(seconds) for seconds in (0.0, args.seconds))
    in_flight = calls_in_flight(args.jobs)
    server_seconds = delayed["requests"] * args.seconds / in_flight
    print(
        json.dumps(
            {
                "questions": args.questions,
                "answered": delayed["answered"],
                "calls_a_question": round(delayed["requests"] / max(1, delayed["answered"]), 2),
                "in_flight_allowed": in_flight,
                "in_flight_at_most": delayed["at_most"],
                "wall_s": delayed["wall"],
                "server_s": round(server_seconds, 1),
                "processor_s": processor["wall"],
                "cpu_s": delayed["cpu"],
                "ratio": round(delayed["wall"] / max(server_seconds, processor["wall"]), 3),
            }
        )
    )


def run_in_subprocess(seconds: float) -> dict[str, Any]:
    """Run the batch in a subprocess against a server, in another one, whose replies take ``seconds``."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(seconds, theirs))
    process.start()
    command = [sys.executable, "-m", "eval.bench.concurrency", *sys.argv[1:], "--base-url", ours.recv()]
    result: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ours.send("stop")
    result |= ours.recv()
    process.join()
    return result


def serve(seconds: float, pipe: Connection) -> None:
    """Send the server's address over ``pipe``; after the next message send the number of requests."""
    with QuotingServer(seconds=seconds) as server:
        pipe.send(server.base_url)
        pipe.recv()
        pipe.send({"requests": len(server.requests), "at_most": server.max_in_flight})


def measure_times(args: argparse.Namespace) -> dict[str, Any]:
    """Answer all questions; return wall-clock and processor seconds from the first question to the last brief."""
    os.environ |= {"OPENAI_BASE_URL": args.base_url, "OPENAI_API_KEY": ""}
    from rag.batch.parallel import answer_many
    from rag.config import load_settings
    from rag.types import Question
    from rag.verify import default_verifier

    questions = [Question(id=text, text=text) for text in questions_about(args.store, args.questions)]
    default_verifier()  # loaded before the measurement
    settings = load_settings({"store": args.store, "llm": "openai:test"})
    wall, cpu = time.perf_counter(), time.process_time()
    briefs = [result.brief for result in answer_many(questions, settings, jobs=args.jobs)]
    return {
        "wall": round(time.perf_counter() - wall, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "answered": sum(brief is not None and brief.status == "answered" for brief in briefs),
    }


if __name__ == "__main__":
    main()
