"""Run a suite: answer its questions as a batch (``rag/batch/runner.py``), then score the briefs.

The run directory contains:

- ``manifest.json``: version, model, settings and index of the run
- ``briefs/ID.json``: the briefs
- ``runs.jsonl``: status, seconds, tokens, cost and error, one row for each question
- ``cases.jsonl``: the cases of the suite
- ``verdicts.jsonl``: the scored briefs, one row each, with the verdicts on each sentence
- ``scorecard.json``

A run that was interrupted can be resumed: existing briefs and verdicts are kept, failed questions are asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag._internal.files import write_atomically
from rag.batch import runner
from rag.batch.run_directory import RunDirectory
from rag.config import Settings
from rag.errors import UsageError
from rag.pipeline import identity
from rag.types import Question

from ..judges.judge import Judge
from ..judges.labels import LABELS_FILE, read_labels
from .cases import Case
from .score import ScoredBrief, SentenceScore, failed_brief, score_brief_file
from .scorecard import build_scorecard

OnDone = Callable[[str, int, int], None]
"""Called with the stage ("answered" or "scored"), the number of questions done, and the total."""

VERDICTS_FILE = "verdicts.jsonl"


@dataclass(slots=True, kw_only=True)
class SuiteRun:
    """A run of ``cases`` into the directory ``out``.

    ``jobs`` questions are answered at a time. ``budget_usd`` limits the cost of all calls ever made for this directory.
    """

    cases: Sequence[Case]
    out: Path
    settings: Settings
    judge: Judge
    jobs: int = 1
    budget_usd: float | None = None
    on_done: OnDone = lambda *_: None

    def execute(self) -> dict[str, Any]:
        """Answer and score all cases; return the scorecard, which is also written to ``out``.

        Raises:
            UsageError: ``out`` holds a run with other settings, or a budget is set and the model's price is unknown.
            CitebriefError: another process writes to ``out``, or the disk is full.
        """
        choice, fingerprint = identity(self.settings)
        questions = [Question(id=case.id, text=case.question) for case in self.cases]
        directory = _run_directory(self.out)
        with directory.locked():
            budget = runner.open_budget(self.budget_usd, choice, self.settings, directory)
            directory.resume(runner.build_manifest(self.settings, choice, fingerprint), fix="choose another --out")
            runner.run_batch(
                questions,
                self.settings,
                directory,
                jobs=self.jobs,
                budget=budget,
                on_row=lambda _, done, total: self.on_done("answered", done, total),
            )
            return self._score_all(directory)

    def _score_all(self, directory: RunDirectory) -> dict[str, Any]:
        path = self.out / VERDICTS_FILE
        known, current = _scored_by_digest(path), {}
        scored: list[ScoredBrief] = []
        with path.open("a", encoding="utf-8") as log:
            for done, case in enumerate(self.cases, 1):
                row = directory.rows[case.id]
                if row.sha256 is None:
                    scored.append(failed_brief(case.id, row.error, case))
                    continue
                brief = self.out / row.files["json"]
                key = _digest(brief.read_bytes(), case.model_dump_json(), self.judge.name)
                if (result := known.get(key)) is None:
                    result = score_brief_file(brief, self.judge, id_=case.id, case=case)
                    log.write(_to_jsonl([_to_row(key, result)]))
                    log.flush()
                current[key] = result
                scored.append(result)
                self.on_done("scored", done, len(self.cases))
        write_atomically(path, _to_jsonl([_to_row(key, result) for key, result in current.items()]))
        write_atomically(self.out / "cases.jsonl", _to_jsonl([case.model_dump() for case in self.cases]))
        card = build_scorecard(scored, self.judge, read_labels(self.out / LABELS_FILE))
        write_atomically(self.out / "scorecard.json", json.dumps(card, ensure_ascii=False, indent=1) + "\n")
        return card


def _run_directory(out: Path) -> RunDirectory:
    return RunDirectory(path=out, kind="citebrief.run/1", formats=("json",), briefs="briefs", results="runs.jsonl")


def read_scored_briefs(out: Path) -> list[ScoredBrief]:
    """Read the scored briefs of the run in ``out``.

    Raises:
        UsageError: ``out`` has no scored briefs.
    """
    scored = list(_scored_by_digest(out / VERDICTS_FILE).values())
    if not scored:
        raise UsageError(f"{out}: no verdicts; `citebrief eval run SUITE --out {out}` makes them")
    return scored


def _scored_by_digest(path: Path) -> dict[str, ScoredBrief]:
    if not path.is_file():
        return {}
    scored = {}
    for line in path.read_text(encoding="utf-8").split("\n"):  # splitlines() would also split inside strings
        try:
            row = json.loads(line)
        except ValueError:  # the end of the file, or a line that was being written when the run was killed
            continue
        key = row.pop("key")
        scored[key] = ScoredBrief(**{**row, "rows": tuple(SentenceScore(**sentence) for sentence in row["rows"])})
    return scored


def _to_row(key: str, scored: ScoredBrief) -> dict[str, Any]:
    return {"key": key, **asdict(scored)}


def _digest(*parts: bytes | str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()[:16]


def _to_jsonl(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
