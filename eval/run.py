"""Answer the questions of a suite, score the answers, and lose nothing on the way.

A run is a folder: ``manifest.json`` (what it was run with), ``cases.jsonl``, ``briefs/ID.json``, ``runs.jsonl`` (a row
a question: status, seconds, tokens, cost, error), ``verdicts.jsonl`` (a row a brief, with each sentence's verdicts) and
``scorecard.json``. Run again, it goes on where it was stopped: a brief that is there is not made again, a verdict on it
not asked for again, and a question that failed is tried once more.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag import prompts
from rag.atomic import write_atomically
from rag.config import Settings
from rag.errors import CitebriefError, UsageError
from rag.pipeline import PROMPTS, Answerer
from rag.prices import price
from rag.render import render
from rag.types import slug

from . import label
from .cases import Case
from .judges import Judge
from .score import Row, Scored, failed, score_file
from .scorecard import scorecard

OnDone = Callable[[str, int, int], None]
"""Called with what is done (a word), how many are, and of how many."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of ``cases`` into ``out``; ``budget`` is in US dollars."""

    cases: Sequence[Case]
    out: Path
    settings: Settings
    judge: Judge
    jobs: int = 1
    budget: float | None = None
    on_done: OnDone = lambda *_: None
    _spent: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> dict[str, Any]:
        """The scorecard, which is also written.

        Raises:
            UsageError: the folder holds another run, or a budget is set and the model's price is unknown.
            CitebriefError: another process writes this run, or the disk is full.
        """
        (self.out / "briefs").mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.out / ".lock", timeout=0):
                self._answer_all()
                return self._score_all()
        except Timeout:
            raise CitebriefError(
                f"{self.out}: another run writes there; wait for it, or choose another --out"
            ) from None

    def _answer_all(self) -> None:
        errors: dict[str, str] = {}
        with Answerer(self.settings) as answerer:
            model = answerer.choice
            if self.budget is not None and model.kind == "openai" and price(model.name, self.settings.prices) is None:
                raise UsageError(f"--budget: the price of {model.name} is not in the price table, so it cannot be kept")
            self._hold_manifest(answerer)
            missing = [case for case in self.cases if not self._brief(case.id).is_file()]
            done = len(self.cases) - len(missing)
            with ThreadPoolExecutor(self.jobs) as pool:
                waiting = {pool.submit(self._answer, answerer, case): case for case in missing}
                try:
                    for finished in as_completed(waiting):
                        done += 1
                        if error := finished.result():
                            errors[waiting[finished].id] = error
                        self.on_done("answered", done, len(self.cases))
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                finally:
                    self._write_rows(errors)

    def _answer(self, answerer: Answerer, case: Case) -> str:
        """Write the brief of ``case``; what went wrong, or nothing. One question never stops the others."""
        if self.budget is not None and self._spent >= self.budget:
            return f"not asked: the budget of ${self.budget:g} was spent"
        try:
            brief = answerer.answer(case.question)
            write_atomically(self._brief(case.id), render(brief, "json"))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        with self._lock:
            self._spent += brief.trace.cost or 0.0
        return ""

    def _hold_manifest(self, answerer: Answerer) -> None:
        """Write what the run is made with, or refuse a folder that was made with something else."""
        used = () if answerer.choice.kind == "extractive" else PROMPTS[answerer.choice.kind == "local"]
        manifest = {
            "version": version("citebrief"),
            "model": answerer.choice.name,
            "settings": {name: getattr(self.settings, name) for name in ("k", "sections", "seed", "embedder")},
            "prompts": {name: prompts.load(name).sha256 for name in used},
            "index": answerer.fingerprint,
        }
        path = self.out / "manifest.json"
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            if other := [name for name in manifest if found.get(name) != manifest[name]]:
                raise UsageError(f"{self.out} holds a run with another {', '.join(other)}: choose another --out")
            return
        write_atomically(path, _lines([manifest]))

    def _write_rows(self, errors: Mapping[str, str]) -> None:
        write_atomically(self.out / "runs.jsonl", _lines([self._row(case, errors) for case in self.cases]))

    def _row(self, case: Case, errors: Mapping[str, str]) -> dict[str, Any]:
        path = self._brief(case.id)
        if not path.is_file():
            error = errors.get(case.id, "")
            return {"id": case.id, "status": "failed" if error else "open", "error": error}
        brief = json.loads(path.read_text(encoding="utf-8"))
        trace = brief["trace"]
        return {
            "id": case.id,
            "status": brief["status"],
            **{name: trace[name] for name in ("seconds", "tokens", "cost")},
            "error": "",
        }

    def _score_all(self) -> dict[str, Any]:
        rows = {row["id"]: row for row in map(json.loads, (self.out / "runs.jsonl").read_text().splitlines())}
        path = self.out / "verdicts.jsonl"
        known, kept = _known_verdicts(path), {}
        scored: list[Scored] = []
        with path.open("a", encoding="utf-8") as log:
            for done, case in enumerate(self.cases, 1):
                brief = self._brief(case.id)
                if not brief.is_file():
                    scored.append(failed(case.id, rows[case.id]["error"] or "not answered", case))
                    continue
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
        card = scorecard(scored, self.judge, label.read(self.out / label.FILE))
        write_atomically(self.out / "scorecard.json", json.dumps(card, ensure_ascii=False, indent=1) + "\n")
        return card

    def _brief(self, id_: str) -> Path:
        return self.out / "briefs" / f"{file_name(id_)}.json"


def file_name(id_: str) -> str:
    """``id_`` as a file name; one that had to be changed gets a digest, so that no two ids share a file."""
    name = slug(id_, 80)
    return name if name == id_ else f"{name}-{hashlib.sha256(id_.encode()).hexdigest()[:8]}"


def verdicts(out: Path) -> list[Scored]:
    """The scored briefs of the run in ``out``.

    Raises:
        UsageError: there is no run.
    """
    found = list(_known_verdicts(out / "verdicts.jsonl").values())
    if not found:
        raise UsageError(f"{out}: no verdicts; `citebrief eval run SUITE --out {out}` makes them")
    return found


def _known_verdicts(path: Path) -> dict[str, Scored]:
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # the line that was being written when the run was killed
            continue
        key = row.pop("key")
        found[key] = Scored(**{**row, "rows": tuple(Row(**each) for each in row["rows"])})
    return found


def _as_row(key: str, scored: Scored) -> dict[str, Any]:
    return {"key": key, **asdict(scored)}


def _digest(*parts: bytes | str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(hashlib.sha256(data).digest())
    return whole.hexdigest()[:16]


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
