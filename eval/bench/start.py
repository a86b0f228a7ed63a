"""Measure the time from the start of a process to its first search result, and to a brief without a model.

    python -m eval.bench.start [--store .citebrief] [--question TEXT] [--rounds 5]

Each measurement is a new process; in each round every command runs once, after a round that is not counted and reads
the files into memory. ``recipe`` is a query of the same store with sentence-transformers and chromadb alone, without
lexical search and reranking; ``imports`` only imports torch and chromadb, which both need.

Prints one JSON object: for each command the median seconds to its first line of output (``wall``) and of processor time
until it ends (``cpu``, user and system), which varies less on a shared machine, and the ratios of both to ``imports``
and ``recipe``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping

IMPORTS = "import torch, chromadb; print(torch.__version__)"

RECIPE = """
import sys
import chromadb
from sentence_transformers import SentenceTransformer
store, question, model = sys.argv[1:]
vector = SentenceTransformer(model, device="cpu", local_files_only=True).encode([question], normalize_embeddings=True)
client = chromadb.PersistentClient(store + "/chroma", settings=chromadb.Settings(anonymized_telemetry=False))
records = client.get_collection("citebrief", embedding_function=None)
print(records.query(query_embeddings=vector, n_results=10)["documents"][0][0])
"""

CITEBRIEF = "from rag.cli.main import main; main()"


def main() -> None:
    """Print the medians and their ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--question", default="What did Manafort share with Kilimnik?")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    from rag.embedding import minilm_directory

    commands = {
        "imports": [IMPORTS],
        "recipe": [RECIPE, args.store, args.question, str(minilm_directory())],
        "search": [CITEBRIEF, "search", args.question, "--store", args.store],
        "ask": [CITEBRIEF, "ask", args.question, "--store", args.store, "--llm", "extractive", "--quiet"],
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for counted in [False] + [True] * args.rounds:
        for name, arguments in commands.items():
            seconds = measure_process(arguments)
            if counted:
                runs[name].append(seconds)
    medians = {
        name: {kind: statistics.median(run[kind] for run in rows) for kind in ("wall", "cpu")}
        for name, rows in runs.items()
    }
    report = {
        "rounds": args.rounds,
        "load_average": round(os.getloadavg()[0], 1),
        "seconds": {name: _rounded(found) for name, found in medians.items()},
        "ratio": {
            f"{name} / {base}": _rounded({kind: medians[name][kind] / medians[base][kind] for kind in medians[name]})
            for name in ("search", "ask")
            for base in ("imports", "recipe")
        },
    }
    print(json.dumps(report, indent=1))


def measure_process(arguments: list[str]) -> dict[str, float]:
    """Run Python code with ``arguments`` and return the seconds to its first output and its processor seconds.

    Raises:
        RuntimeError: it failed.
    """
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        wall = time.perf_counter() - started
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not line:
        raise RuntimeError(f"exit status {process.returncode} of {arguments[1:] or arguments}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in values.items()}


if __name__ == "__main__":
    main()
