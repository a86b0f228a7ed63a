"""Run citebrief and the systems that a user would pick instead, on the same documents, questions and model.

    python -m eval.bench.peers.run --collection corpus=corpus --question inquiries-on-conspiracy … \\
        --python langchain_recipe=VENV/bin/python --python paperqa_docs=VENV/bin/python --out build/peers

Questions are cases of the coverage suite. Nothing is installed: a system whose interpreter lacks its packages is
reported as failed. Every result is kept as it comes in ``OUT/results.jsonl``, and a second run continues there. Times
are on the clock and in seconds of one core, which do not depend on what else the machine does. Give the process as
many cores as it is to use: the model's server has one thread for each.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rag.config import load_settings
from rag.embedding.minilm import minilm_directory
from rag.llm.local_model import MODEL_NAME, model_file
from rag.llm.local_server import LocalServer

from ...runner.coverage_cases import CoverageCase, read_coverage_cases
from .documents import export_text
from .interface import MODEL_TIMEOUT, Options
from .process import SystemEnded, SystemFailed, SystemProcess

SYSTEMS = (
    "citebrief_cli",
    "citebrief_extractive",
    "langchain_recipe",
    "llamaindex_citations",
    "paperqa_docs",
    "paperqa_plain",
)
"""The compared systems, by module, in the order in which they run."""

INDEXED_BY = {"citebrief_extractive": "citebrief_cli", "paperqa_plain": "paperqa_docs"}
"""The systems that answer from the index of another one."""

INDEX_TIMEOUT = 3_600.0
SEARCH_TIMEOUT = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The rows of the run so far, kept in ``path`` as JSON lines.

    A row has ``kind`` (``versions``, ``index``, ``start``, ``answer``), ``system``, ``collection``, ``question`` (the
    case's id, if there is one) and ``error`` or what was measured.
    """

    path: Path
    rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read the rows of an earlier run, if there was one."""
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return cls(path=path, rows=[json.loads(line) for line in lines])

    def has(self, **key: str) -> bool:
        """Whether a row without an error has these values."""
        return any("error" not in row and key.items() <= row.items() for row in self.rows)

    def add(self, **row: Any) -> None:
        """Keep a row, and print it without the texts."""
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        shown = {key: value for key, value in row.items() if key not in ("answer", "found")}
        print(json.dumps(shown, ensure_ascii=False), file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Runs one system after the other over the collections and keeps the results."""

    out: Path
    options: Options
    results: Results
    answer_timeout: float

    def run(self, name: str, python: Path, collection: str, cases: Sequence[CoverageCase]) -> None:
        """Index ``collection`` with the system ``name``, search and answer; what is in the results is not repeated."""
        key = {"system": name, "collection": collection}
        index_key = {**key, "system": INDEXED_BY.get(name, name)}
        store = str(self.out / "stores" / index_key["system"] / collection)
        try:
            if not self.results.has(kind="index", **index_key):
                self._index(name, python, index_key, store)
            missing = [case for case in cases if not self.results.has(kind="answer", question=case.id, **key)]
            if missing or not self.results.has(kind="start", **key):
                self._answer(name, python, key, store, cases, missing)
        except SystemFailed as error:
            self.results.add(kind="failed", error=str(error), **key)

    def _index(self, name: str, python: Path, key: dict[str, str], store: str) -> None:
        with self._open(name, python) as system:
            versions, _ = system.ask("versions", timeout=SEARCH_TIMEOUT)
            folder = str(self.out / "documents" / key["collection"])
            chunks, cost = system.ask("index", timeout=INDEX_TIMEOUT, store=store, folder=folder)
            self.results.add(kind="index", chunks=chunks, versions=versions, cost=asdict(cost), **key)

    def _answer(
        self,
        name: str,
        python: Path,
        key: dict[str, str],
        store: str,
        cases: Sequence[CoverageCase],
        missing: Sequence[CoverageCase],
    ) -> None:
        with self._open(name, python) as system:
            if not self.results.has(kind="start", **key):
                self._start(system, key, store, cases)
            for case in missing:
                self._answer_case(system, key, store, case)

    def _start(self, system: SystemProcess, key: dict[str, str], store: str, cases: Sequence[CoverageCase]) -> None:
        found, first = system.ask("search", timeout=SEARCH_TIMEOUT, store=store, question=cases[0].question)
        start = time.perf_counter() - system.started
        # each question for the first time: a second search of the same question may find its work done
        searches = [
            system.ask("search", timeout=SEARCH_TIMEOUT, store=store, question=case.question)[1].core_seconds
            for case in cases[1:]
        ]
        self.results.add(
            kind="start",
            seconds=start,
            core_seconds=first.core_seconds_since_start,
            search_core_ms=statistics.median(searches) * 1_000 if searches else None,
            passages=len(found),
            **key,
        )

    def _answer_case(self, system: SystemProcess, key: dict[str, str], store: str, case: CoverageCase) -> None:
        try:
            answer, cost = system.ask("answer", timeout=self.answer_timeout, store=store, question=case.question)
        except SystemFailed as error:
            self.results.add(kind="failed", question=case.id, error=str(error), **key)
            if isinstance(error, SystemEnded):
                raise
            return
        own = answer["core_seconds"]  # counted by the system without what only the comparison needs
        core = cost.core_seconds if own is None else own
        self.results.add(kind="answer", question=case.id, seconds=cost.seconds, core_seconds=core, answer=answer, **key)

    def _open(self, name: str, python: Path) -> SystemProcess:
        (self.out / "logs").mkdir(parents=True, exist_ok=True)
        return SystemProcess(name, python, self.options, self.out / "logs" / f"{name}.log")


def main() -> None:
    """Run the comparison that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="eval/cases/coverage.jsonl")
    parser.add_argument("--collection", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--question", action="append", required=True, metavar="ID", help="a case of the suite")
    parser.add_argument("--python", action="append", default=[], metavar="SYSTEM=PATH")
    parser.add_argument("--system", action="append", choices=SYSTEMS, help="run these only")
    parser.add_argument("--k", type=int, default=8, help="passages of the plain recipe")
    parser.add_argument("--answer-timeout", type=float, default=2 * MODEL_TIMEOUT, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=Path("build/peers"))
    args = parser.parse_args()
    collections = dict(each.split("=", 1) for each in args.collection)
    pythons = dict(each.split("=", 1) for each in args.python)
    cases = [case for case in read_coverage_cases(args.suite) if case.id in args.question]
    if unknown := set(args.question) - {case.id for case in cases}:
        parser.error(f"--question {sorted(unknown)[0]}: no such case in {args.suite}")
    if homeless := [case for case in cases if case.collection not in collections]:
        parser.error(f"say where the documents of {homeless[0].id} are: --collection {homeless[0].collection}=PATH")
    out = args.out.resolve()
    for name, path in collections.items():
        if not (out / "documents" / name).exists():
            export_text([path], out / "documents" / name)
    server = LocalServer(model_file(load_settings({})), threads=len(os.sched_getaffinity(0)))
    try:
        options = Options(
            base_url=server.base_url,
            api_key=server.api_key,
            model=MODEL_NAME,
            embedding=str(minilm_directory()),
            k=args.k,
        )
        comparison = Comparison(
            out=out,
            options=options,
            results=Results.read(out / "results.jsonl"),
            answer_timeout=args.answer_timeout,
        )
        for name in args.system or SYSTEMS:
            for collection in collections:
                own = [case for case in cases if case.collection == collection]
                if own:
                    comparison.run(name, Path(pythons.get(name, sys.executable)), collection, own)
    finally:
        server.close()


if __name__ == "__main__":
    main()
