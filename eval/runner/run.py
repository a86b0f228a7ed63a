"""Answer the questions of a suite, score the answers, and lose nothing on the way.

A run is a batch (``rag/batch/runner.py``) with a score at its end. Its folder has ``manifest.json`` (what it was run with),
``briefs/ID.json``, ``runs.jsonl`` (a row a question: status, seconds, tokens, cost, error), ``cases.jsonl``,
``verdicts.jsonl`` (a row a brief, with each sentence's verdicts) and ``scorecard.json``. Run again, it goes on where it
was stopped: a brief that is there is not made again, a verdict on it not asked for again, and a question that failed is
tried once more.
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

from ..judges import labels
from ..judges.judge import Judge
from .cases import Case
from .score import ScoredBrief, SentenceScore, failed, score_file
from .scorecard import scorecard

OnDone = Callable[[str, int, int], None]
"""Called with what is done (a word), how many are, and of how many."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of ``cases`` into ``out``; ``budget`` is in US dollars, for all that was ever asked into it."""

    cases: Sequence[Case]
    out: Path
    settings: Settings
    judge: Judge
    jobs: int = 1
    budget_usd: float | None = None
    on_done: OnDone = lambda *_: None

    def run(self) -> dict[str, Any]:
        """The scorecard, which is also written.

        Raises:
            UsageError: the folder holds another run, or a budget is set and the model's price is unknown.
            CitebriefError: another process writes this run, or the disk is full.
        """
        choice, fingerprint = identity(self.settings)
        questions = [Question(id=case.id, text=case.question) for case in self.cases]
        directory = _directory(self.out)
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
        path = self.out / "verdicts.jsonl"
        known, kept = _known_verdicts(path), {}
        scored: list[ScoredBrief] = []
        with path.open("a", encoding="utf-8") as log:
            for done, case in enumerate(self.cases, 1):
                row = directory.rows[case.id]
                if row.sha256 is None:
                    scored.append(failed(case.id, row.error, case))
                    continue
                brief = self.out / row.files["json"]
                key = _digest(brief.read_bytes(), case.model_dump_json(), self.judge.name)
                if (found := known.get(key)) is None:
                    found = score_file(brief, self.judge, id_=case.id, case=case)
                    log.write(_lines([_as_row(key, found)]))
                    log.flush()
                kept[key] = found
                scored.append(found)
                self.on_done("scored", done, len(self.cases))
        write_atomically(path, _lines([_as_row(key, found) for key, found in kept.items()]))
        write_atomically(self.out / "cases.jsonl", _lines([case.model_dump() for case in self.cases]))
        card = scorecard(scored, self.judge, labels.read_labels(self.out / labels.FILE))
        write_atomically(self.out / "scorecard.json", json.dumps(card, ensure_ascii=False, indent=1) + "\n")
        return card


def _directory(out: Path) -> RunDirectory:
    return RunDirectory(path=out, kind="citebrief.run/1", formats=("json",), briefs="briefs", results="runs.jsonl")


def verdicts(out: Path) -> list[ScoredBrief]:
    """The scored briefs of the run in ``out``.

    Raises:
        UsageError: there is no run.
    """
    found = list(_known_verdicts(out / "verdicts.jsonl").values())
    if not found:
        raise UsageError(f"{out}: no verdicts; `citebrief eval run SUITE --out {out}` makes them")
    return found


def _known_verdicts(path: Path) -> dict[str, ScoredBrief]:
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").split("\n"):  # splitlines() would also break inside a string
        try:
            row = json.loads(line)
        except ValueError:  # the line that was being written when the run was killed, or the end of the file
            continue
        key = row.pop("key")
        found[key] = ScoredBrief(**{**row, "rows": tuple(SentenceScore(**each) for each in row["rows"])})
    return found


def _as_row(key: str, scored: ScoredBrief) -> dict[str, Any]:
    return {"key": key, **asdict(scored)}


def _digest(*parts: bytes | str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(hashlib.sha256(data).digest())
    return whole.hexdigest()[:16]


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
