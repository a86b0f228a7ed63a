"""Peak memory of batches of different length: it has to stay flat in the number of questions.

    python eval/bench/memory.py --store .citebrief [--questions 100 1000] [--jobs 2]

Each batch is a process of its own, without a model, over questions made from the index. Prints one JSON object: the
peak resident memory of each in MB, seconds, and the last peak ÷ the first.
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
from scripted import questions


def main() -> None:
    """Print the peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--questions", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    found = []
    for number in given.questions:
        with get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(batch, (given.store, number, given.jobs)))
    print(json.dumps({"runs": found, "ratio": round(found[-1]["peak_mb"] / found[0]["peak_mb"], 3)}))


def batch(store: str, number: int, jobs: int) -> dict[str, float]:
    """Run one, in this process."""
    from rag.cli.main import cli

    asked, few = [], questions(store, 200)
    while len(asked) < number:  # the same matters over again, each time in other words
        asked += [text if len(asked) < len(few) else f"{text} ({len(asked)})" for text in few]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        words = ["batch", "-", "--out", str(Path(out) / "out"), "--store", store, "--llm", "extractive", "--quiet"]
        ended = CliRunner().invoke(cli, [*words, "--jobs", str(jobs), "--json"], input="\n".join(asked[:number]))
    summary = json.loads(ended.stdout)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {
        "questions": number,
        "answered": summary["answered"],
        "peak_mb": round(peak, 1),
        "seconds": round(time.perf_counter() - started, 1),
    }


if __name__ == "__main__":
    main()
