"""The folder of a batch: briefs, a row for each, and what they were made with. Killed at any moment, it can go on.

::

    DIR/manifest.json           what decides the briefs; written first, and what makes the folder a batch's
    DIR/NAME.html, .md, .json   one brief, the .json last: where it stands whole, the question is answered
    DIR/drafts/NAME.json        what stood of a brief that failed
    DIR/results.jsonl           one row an id
    DIR/.paid                   what calls have cost, in US dollars, a line each
    DIR/.replies/               the model's replies, so that none has to be paid twice (rag/llm/response_cache.py)

While a batch runs, rows are appended to ``results.jsonl`` as questions end. The last row of an id counts, and a line
that a kill tore is left out. At the start and at the end the file is replaced by one with a row an id, in the order of
the questions. Every file reaches the disk before it takes its name (``rag/_internal/files.py``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rag._internal.files import TEMPORARY, write_atomically
from rag.batch.questions import file_name
from rag.errors import CitebriefError, ReadError, UsageError
from rag.pipeline import QuestionResult
from rag.render import Format, render
from rag.render.json import LINE_BREAKS, from_json
from rag.types import Brief, Question, Status

SUFFIXES: dict[Format, str] = {"json": "json", "md": "md", "html": "html", "text": "txt"}
LOCK, PAID, REPLIES = ".lock", ".paid", ".replies"


class ResultRow(BaseModel):
    """A line of ``results.jsonl``. ``seconds`` and ``cost`` (US dollars, None where unknown) are of all attempts.

    ``tokens`` by kind. ``scores``: how many ``sentences``, the ``lowest`` verifier's score among them, ``repairs`` by
    rung. ``files`` by format, relative to the folder. ``sha256`` is the JSON file's, None where there is no brief.
    ``fault`` is the class of the ``error``.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    question: str
    status: Status | Literal["failed", "open"]
    seconds: float = 0.0
    tokens: dict[str, int] = {}
    cost: float | None = 0.0
    scores: dict[str, Any] = {}
    files: dict[str, str] = {}
    sha256: str | None = None
    fault: str = ""
    error: str = ""


@dataclass(slots=True, kw_only=True)
class RunDirectory:
    """The folder ``path`` of a ``kind`` of batch. The briefs are in its subfolder ``briefs``, in all ``formats``.

    JSON is always among the formats: it is what tells that a question is answered.
    """

    path: Path
    kind: str = "citebrief.batch/1"
    formats: Sequence[Format] = ("json", "md", "html")
    briefs: str = "."
    results: str = "results.jsonl"
    rows: dict[str, ResultRow] = field(default_factory=dict)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """During this block nobody else writes into the folder, which is made if need be.

        Raises:
            UsageError: it has files, and is no folder of this kind; it is left as it is.
            CitebriefError: somebody else writes there, or it is not writable.
        """
        from filelock import FileLock, Timeout

        try:
            if self.manifest() is None and any(each.is_file() for each in self._strange()):
                raise UsageError(f"{self.path} has other files in it: choose an empty folder, or a new one")
            (self.path / self.briefs).mkdir(parents=True, exist_ok=True)
            with FileLock(self.path / LOCK, timeout=0):
                for directory in {self.path, self.path / self.briefs, self.path / "drafts"}:
                    for scrap in directory.glob(TEMPORARY):
                        scrap.unlink()
                yield
        except Timeout:
            raise CitebriefError(
                f"{self.path}: another run writes there; wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise CitebriefError(f"{error.filename or self.path}: {(error.strerror or str(error)).lower()}") from error

    def manifest(self) -> dict[str, Any] | None:
        """What the folder was made with; None if there is no manifest.

        Raises:
            UsageError: there is one, of something else.
        """
        try:
            found = json.loads((self.path / "manifest.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("schema") != self.kind:
            raise UsageError(f"{self.path}/manifest.json is not that of a {self.kind}: choose another --out")
        return found

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Take a folder that is empty.

        Raises:
            UsageError: it is not.
        """
        if self.manifest() is not None:
            raise UsageError(f"{self.path} holds a batch: --resume goes on with it, --overwrite begins anew")
        self._hold(manifest)

    def go_on(self, manifest: Mapping[str, Any], *, fix: str, force: bool = False) -> None:
        """Take a folder that is empty, or that was made with ``manifest``; where it was not, ``fix`` says what to do.

        With ``force`` the new manifest is taken all the same, and the old one kept in its ``earlier``.

        Raises:
            UsageError: it was made with something else.
        """
        found = self.manifest()
        if found is None:
            self._hold(manifest)
        elif other := [name for name in manifest if found.get(name) != manifest[name]]:
            if not force:
                raise UsageError(f"{self.path} holds a run with another {', '.join(other)}: {fix}")
            earlier = found.pop("earlier", [])
            self._hold({**manifest, "earlier": [*earlier, found]})

    def begin_anew(self, manifest: Mapping[str, Any], questions: Iterable[Question]) -> None:
        """Take an empty folder or one of this kind, and remove what was made there, and nothing else."""
        rows = self._read()
        made = [self._file(id_, form) for id_, row in rows.items() for form in self._known(row.files)]
        made += [self._draft(id_) for id_ in rows]
        for question in questions:  # a kill may have come between a brief and its row
            if question.id not in rows and _brief(self._file(question.id, "json")):
                made += [self._file(question.id, form) for form in SUFFIXES]
        for file in made:
            file.unlink(missing_ok=True)
        for name in (self.results, PAID):
            (self.path / name).unlink(missing_ok=True)
        self._hold(manifest)

    def missing(self, questions: Iterable[Question]) -> list[Question]:
        """Those of ``questions`` that have no whole brief here. Reads the folder, and changes nothing in it."""
        self.rows = self._read()
        left = []
        for question in questions:
            if row := self._answered(question):
                self.rows[question.id] = row
            else:
                left.append(question)
                if question.id in self.rows and self.rows[question.id].sha256:  # its brief is gone or damaged
                    del self.rows[question.id]
        return left

    def complete(self) -> None:
        """Render the formats that a finished brief lacks, or that are of another state of it."""
        for id_, row in self.rows.items():
            lacking = [
                f for f in self.formats if row.sha256 and (f not in row.files or not self._file(id_, f).is_file())
            ]
            if lacking and (brief := _brief(self._file(id_, "json"))):
                for form in lacking:
                    write_atomically(self._file(id_, form), render(brief, form))
                self.rows[id_] = row.model_copy(update={"files": row.files | self._names(id_, lacking)})

    def keep(self, outcome: QuestionResult) -> ResultRow:
        """Write what became of a question, then its row.

        Raises:
            CitebriefError: it cannot be written: the disk is full, say.
        """
        id_, brief, contents = outcome.question.id, outcome.brief or outcome.draft, dict[Format, bytes]()
        try:
            contents = {form: render(brief, form).encode() for form in self._order()} if brief else {}
        except ValueError as error:  # half a surrogate pair, say: this brief cannot be a file, but others can
            outcome = replace(
                outcome, brief=None, draft=None, error=f"it cannot be written: {error}", fault=type(error).__name__
            )
        if outcome.brief:
            for form, content in contents.items():
                write_atomically(self._file(id_, form), content)
            self._draft(id_).unlink(missing_ok=True)
        elif outcome.draft:
            self._draft(id_).parent.mkdir(exist_ok=True)
            write_atomically(self._draft(id_), contents["json"])
        row = self._added(self._row(outcome, contents.get("json", b"")))
        self.rows[id_] = row
        _append(self.path / self.results, _line(row))
        return row

    def paid(self) -> float:
        """US dollars that were ever paid for what is here, whatever became of it."""
        try:
            lines = (self.path / PAID).read_text().split("\n")
        except FileNotFoundError:
            return 0.0
        return sum(map(float, lines[:-1]))  # what stands behind the last line break was torn, or nothing

    def pay(self, dollars: float) -> None:
        """Note that ``dollars`` were paid. Nobody waits until it is on the disk: a kill leaves it, and calls are many.

        Raises:
            CitebriefError: it cannot be noted, so that a budget could not be kept.
        """
        try:
            with (self.path / PAID).open("ab", buffering=0) as file:
                file.write(f"{dollars!r}\n".encode())
        except OSError as error:
            raise CitebriefError(f"{self.path / PAID}: {(error.strerror or str(error)).lower()}") from None

    def settle(self, questions: Iterable[Question], unasked: Mapping[str, str] | None = None) -> None:
        """Leave one row for each of ``questions`` that has any, in their order; ``unasked`` is what the others' say."""
        if unasked:
            for question in questions:
                if question.id not in self.rows:
                    row = {"id": question.id, "question": question.text, **unasked}
                    self.rows[question.id] = ResultRow.model_validate(row)
        rows = (self.rows[question.id] for question in questions if question.id in self.rows)
        write_atomically(self.path / self.results, b"".join(map(_line, rows)))

    def _hold(self, manifest: Mapping[str, Any]) -> None:
        whole = {"schema": self.kind, **manifest}
        write_atomically(self.path / "manifest.json", json.dumps(whole, ensure_ascii=False, indent=1) + "\n")

    def _strange(self) -> Iterator[Path]:
        ours = {LOCK, *(scrap.name for scrap in self.path.glob(TEMPORARY))}
        return (each for each in self.path.rglob("*") if each.name not in ours)

    def _read(self) -> dict[str, ResultRow]:
        try:
            lines = (self.path / self.results).read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        rows = {}
        for line in lines:
            try:
                row = ResultRow.model_validate_json(line)
            except ValidationError:  # torn by a kill, or the end of the file
                continue
            if row.sha256 or row.seconds:  # others were never asked
                rows[row.id] = row
        return rows

    def _answered(self, question: Question) -> ResultRow | None:
        """The row of the question's brief, if that is here and whole: by its digest, or read and checked again."""
        file, row = self._file(question.id, "json"), self.rows.get(question.id)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return None
        if row and row.sha256 == _sha256(content) and row.question == question.text:
            return row
        brief = _brief(file)
        if brief is None or brief.question != question.text:
            return None
        stages = {**brief.trace.seconds, "model": 0.0}  # the model's are part of those of writing
        seconds = sum(stages.values())
        found = self._row(QuestionResult(question=question, seconds=round(seconds, 2), brief=brief), content)
        # Its other formats were written before it, and are of the same state unless somebody edited the JSON.
        edited = row is not None and row.sha256 is not None
        return self._added(found.model_copy(update={"files": self._names(question.id, ["json"])}) if edited else found)

    def _row(self, outcome: QuestionResult, content: bytes) -> ResultRow:
        """The row of an outcome; ``content`` is what was written of it as JSON."""
        question, brief, told = outcome.question, outcome.brief, outcome.brief or outcome.draft
        if brief:
            files = self._names(question.id, self.formats)
        else:
            files = {"draft": str(self._draft(question.id).relative_to(self.path))} if outcome.draft else {}
        return ResultRow(
            id=question.id,
            question=question.text,
            status=outcome.status,
            seconds=outcome.seconds,
            tokens=dict(told.trace.tokens) if told else {},
            cost=told.trace.cost if told else 0.0,
            scores=_scores(brief) if brief else {},
            files=files,
            sha256=_sha256(content) if brief else None,
            fault=outcome.fault,
            error=outcome.error,
        )

    def _added(self, row: ResultRow) -> ResultRow:
        """``row`` with what earlier attempts at its question took."""
        before = self.rows.get(row.id)
        if before is None or before.sha256 is not None:
            return row
        cost = None if before.cost is None or row.cost is None else before.cost + row.cost
        return row.model_copy(update={"seconds": round(before.seconds + row.seconds, 2), "cost": cost})

    def _order(self) -> list[Format]:
        return [*(form for form in self.formats if form != "json"), "json"]

    def _known(self, forms: Iterable[str]) -> list[Format]:
        return [form for form in SUFFIXES if form in forms]

    def _names(self, id_: str, forms: Iterable[Format]) -> dict[str, str]:
        return {form: str(self._file(id_, form).relative_to(self.path)) for form in forms}

    def _file(self, id_: str, form: Format) -> Path:
        return self.path / self.briefs / f"{file_name(id_)}.{SUFFIXES[form]}"

    def _draft(self, id_: str) -> Path:
        return self.path / "drafts" / f"{file_name(id_)}.json"


def _scores(brief: Brief) -> dict[str, Any]:
    scores = [sentence.score for sentence in brief.sentences()]
    actions = [repair.action for repair in brief.trace.repairs]
    return {
        "sentences": len(scores),
        "lowest": round(min(scores), 4) if scores else None,
        "repairs": {action: actions.count(action) for action in dict.fromkeys(actions)},
    }


def _brief(file: Path) -> Brief | None:
    """The brief in ``file``, every promise checked; None where there is none that keeps them."""
    try:
        return from_json(file.read_bytes())
    except (ReadError, OSError):
        return None


def _line(row: ResultRow) -> bytes:
    text = json.dumps(row.model_dump(), ensure_ascii=False).translate(LINE_BREAKS) + "\n"
    return text.encode("utf-8", "backslashreplace")  # half a surrogate pair becomes the escape that JSON has for it


def _append(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
