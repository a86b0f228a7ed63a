"""Measure the peak memory of batches of different length: it should not grow with the number of questions.

    python -m eval.bench.memory --store .citebrief [--questions 100 1000] [--jobs 2]

Each batch runs in a process of its own, without a model, over questions made from the index. Prints one JSON object:
the peak resident memory of each batch in MB, its seconds, and the last peak ÷ the first.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from click.testing import CliRunner

from .quoting_server import questions_about


def main() -> None:
    """Print the peaks as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--questions", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    rows = []
    for number in args.questions:
        with get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measure_memory, (args.store, number, args.jobs)))
    print(json.dumps({"runs": rows, "ratio": round(rows[-1]["peak_mb"] / rows[0]["peak_mb"], 3)}))


def measure_memory(store: str, number: int, jobs: int) -> dict[str, float]:
    """Run a batch of ``number`` questions in this process; return its peak memory and time."""
    from rag.cli.main import cli

    questions: list[str] = []
    distinct = questions_about(store, 200)
    while len(questions) < number:  # the same subjects again, with a number so that no two questions are equal
        questions += [text if len(questions) < len(distinct) else f"{text} ({len(questions)})" for text in distinct]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        out = str(Path(directory) / "out")
        command = ["batch", "-", "--out", out, "--store", store, "--llm", "extractive", "--quiet", "--json"]
        result = CliRunner().invoke(cli, [*command, "--jobs", str(jobs)], input="\n".join(questions[:number]))
    summary = json.loads(result.stdout)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {
        "questions": number,
        "answered": summary["answered"],
        "peak_mb": round(peak, 1),
        "seconds": round(time.perf_counter() - started, 1),
    }


if __name__ == "__main__":
    main()
