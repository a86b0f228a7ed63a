"""The run directory of a batch: briefs, a row for each, and what they were made with. A killed run can be resumed.

::

    DIR/manifest.json           what decides the briefs; written first, and what identifies a run directory
    DIR/NAME.html, .md, .json   one brief; the .json is written last, so a complete one means an answered question
    DIR/drafts/NAME.json        the verified part of a brief that failed
    DIR/results.jsonl           one row a question (rag/batch/results.py)
    DIR/.paid                   the cost of each call in US dollars, one a line
    DIR/.replies/               the response cache, so that no reply is paid for twice (rag/llm/response_cache.py)

While a batch runs, rows are appended to ``results.jsonl`` as questions end. At the start and at the end of a run the
file is replaced by one with one row an id, in the order of the questions. Every file is synced to the disk before it
gets its name (``rag/_internal/files.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag._internal.files import TEMPORARY, write_atomically
from rag.batch.parallel import QuestionResult
from rag.batch.questions import file_name
from rag.batch.results import ResultRow, append_result_row, read_result_rows, scores_of, write_result_rows
from rag.errors import CitebriefError, ReadError, UsageError
from rag.render import Format, render
from rag.render.json import from_json
from rag.types import Brief, Question

FORMAT_SUFFIXES: dict[Format, str] = {"json": "json", "md": "md", "html": "html", "text": "txt"}
"""The suffix of a brief's file in each format."""

LOCK_FILE = ".lock"
PAYMENTS_FILE = ".paid"
LONGEST_PAYMENT = 64  # bytes of a line of it
RESPONSE_CACHE = ".replies"
"""Directory of the response cache, unless the settings name another one."""

OPTIONAL_FIELDS = ("verifier",)
"""Fields that a manifest lacks where their value is the default."""


@dataclass(slots=True, kw_only=True)
class RunDirectory:
    """The directory ``path`` of a run of one ``kind``; its subdirectory ``briefs`` has the briefs in all ``formats``.

    ``rows`` are the result rows by question id. JSON has to be among the formats: a question counts as answered if its
    JSON file is complete.
    """

    path: Path
    kind: str = "citebrief.batch/1"
    formats: Sequence[Format] = ("json", "md", "html")
    briefs: str = "."
    results: str = "results.jsonl"
    rows: dict[str, ResultRow] = field(default_factory=dict)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory's lock during this block. The directory is created if it does not exist.

        Raises:
            UsageError: the directory has files and no manifest of this kind; nothing in it is changed.
            CitebriefError: another process holds the lock, or the directory is not writable.
        """
        from filelock import FileLock, Timeout

        try:
            if self.read_manifest() is None and any(path.is_file() for path in self._other_paths()):
                raise UsageError(f"{self.path} has other files in it: choose an empty folder, or a new one")
            (self.path / self.briefs).mkdir(parents=True, exist_ok=True)
            with FileLock(self.path / LOCK_FILE, timeout=0):
                for directory in {self.path, self.path / self.briefs, self.path / "drafts"}:
                    for temporary in directory.glob(TEMPORARY):
                        temporary.unlink()
                yield
        except Timeout:
            raise CitebriefError(
                f"{self.path}: another run writes there; wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise CitebriefError(f"{error.filename or self.path}: {(error.strerror or str(error)).lower()}") from error

    def read_manifest(self) -> dict[str, Any] | None:
        """Read what the run was made with; None if there is no manifest.

        Raises:
            UsageError: the manifest is invalid or of another kind.
        """
        try:
            manifest = json.loads((self.path / "manifest.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            manifest = None
        if not isinstance(manifest, dict) or manifest.get("schema") != self.kind:
            raise UsageError(f"{self.path}/manifest.json is not that of a {self.kind}: choose another --out")
        return manifest

    def start(self, manifest: Mapping[str, Any]) -> None:
        """Start a run in an empty directory.

        Raises:
            UsageError: the directory has a run already.
        """
        if self.read_manifest() is not None:
            raise UsageError(f"{self.path} holds a batch: use --resume to continue it, --overwrite to replace it")
        self._write_manifest(manifest)

    def resume(self, manifest: Mapping[str, Any], *, fix: str, force: bool = False) -> None:
        """Continue a run that was made with ``manifest``, or start one in an empty directory.

        ``force`` continues a run that was made with another manifest too; the new manifest keeps the old one in its
        ``earlier``.

        Raises:
            UsageError: the run was made with another manifest; the message ends with ``fix``.
        """
        found = self.read_manifest()
        if found is None:
            self._write_manifest(manifest)
        elif different := [
            name for name in dict.fromkeys((*manifest, *OPTIONAL_FIELDS)) if found.get(name) != manifest.get(name)
        ]:
            if not force:
                raise UsageError(f"{self.path} holds a run with another {', '.join(different)}: {fix}")
            earlier = found.pop("earlier", [])
            self._write_manifest({**manifest, "earlier": [*earlier, found]})

    def overwrite(self, manifest: Mapping[str, Any], questions: Iterable[Question]) -> None:
        """Start a run in an empty directory or in place of a run of this kind, whose files are removed; no others."""
        rows = read_result_rows(self.path / self.results)
        obsolete = [self._file(id_, form) for id_, row in rows.items() for form in FORMAT_SUFFIXES if form in row.files]
        obsolete += [self._draft(id_) for id_ in rows]
        for question in questions:  # a kill between the brief and its row leaves a brief without a row
            if question.id not in rows and _read_brief(self._file(question.id, "json")):
                obsolete += [self._file(question.id, form) for form in FORMAT_SUFFIXES]
        for file in obsolete:
            file.unlink(missing_ok=True)
        for name in (self.results, PAYMENTS_FILE):
            (self.path / name).unlink(missing_ok=True)
        self._write_manifest(manifest)

    def unanswered(self, questions: Iterable[Question]) -> list[Question]:
        """Return those of ``questions`` that have no complete brief, and load ``rows``. Changes no file."""
        self.rows = read_result_rows(self.path / self.results)
        unanswered = []
        for question in questions:
            if row := self._answered(question):
                self.rows[question.id] = row
            else:
                unanswered.append(question)
                if question.id in self.rows and self.rows[question.id].sha256:  # its brief is missing or damaged
                    del self.rows[question.id]
        return unanswered

    def render_missing_formats(self) -> None:
        """Render the formats of finished briefs that are missing, or that were rendered from another version."""
        for id_, row in self.rows.items():
            missing = [
                form
                for form in self.formats
                if row.sha256 and (form not in row.files or not self._file(id_, form).is_file())
            ]
            if missing and (brief := _read_brief(self._file(id_, "json"))):
                for form in missing:
                    write_atomically(self._file(id_, form), render(brief, form))
                self.rows[id_] = row.model_copy(update={"files": row.files | self._paths(id_, missing)})

    def save(self, result: QuestionResult) -> ResultRow:
        """Write the brief or draft of ``result``, then its row, which is returned.

        Raises:
            CitebriefError: a file cannot be written, for example because the disk is full.
        """
        id_, brief, contents = result.question.id, result.brief or result.draft, dict[Format, bytes]()
        try:
            contents = {form: render(brief, form).encode() for form in self._json_last()} if brief else {}
        except ValueError as error:  # for example an unpaired surrogate: this brief fails, the others do not
            result = replace(
                result, brief=None, draft=None, error=f"it cannot be written: {error}", fault=type(error).__name__
            )
        if result.brief:
            for form, content in contents.items():
                write_atomically(self._file(id_, form), content)
            self._draft(id_).unlink(missing_ok=True)
        elif result.draft:
            self._draft(id_).parent.mkdir(exist_ok=True)
            write_atomically(self._draft(id_), contents["json"])
        row = self._with_earlier_attempts(self._row(result, contents.get("json", b"")))
        self.rows[id_] = row
        append_result_row(self.path / self.results, row)
        return row

    def total_paid(self) -> float:
        """Sum all payments ever recorded here, in US dollars, whether or not a brief came of them."""
        try:
            lines = (self.path / PAYMENTS_FILE).read_text().split("\n")
        except FileNotFoundError:
            return 0.0
        return sum(map(float, lines[:-1]))  # the text after the last line break is empty or truncated

    def record_payment(self, dollars: float) -> None:
        """Record that a call cost ``dollars``.

        The file is not synced: calls are many, and a kill of the process does not lose what was written. A full disk
        may have cut off the last line, which :meth:`total_paid` does not count: it gives way.

        Raises:
            CitebriefError: the file cannot be written, so that a budget could not be kept.
        """
        try:
            with (self.path / PAYMENTS_FILE).open("ab+", buffering=0) as file:
                file.seek(max(0, file.tell() - LONGEST_PAYMENT))
                if cut_off := file.read().rpartition(b"\n")[2]:
                    file.truncate(file.tell() - len(cut_off))
                file.write(f"{dollars!r}\n".encode())
        except OSError as error:
            raise CitebriefError(f"{self.path / PAYMENTS_FILE}: {(error.strerror or str(error)).lower()}") from None

    def write_results(self, questions: Iterable[Question], not_attempted: Mapping[str, str] | None = None) -> None:
        """Replace the results file by one with one row a question, in the order of ``questions``.

        Questions that have no row get one with the fields ``not_attempted``, or none if that is None.
        """
        if not_attempted:
            for question in questions:
                if question.id not in self.rows:
                    row = {"id": question.id, "question": question.text, **not_attempted}
                    self.rows[question.id] = ResultRow.model_validate(row)
        rows = (self.rows[question.id] for question in questions if question.id in self.rows)
        write_result_rows(self.path / self.results, rows)

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        content = {"schema": self.kind, **manifest}
        write_atomically(self.path / "manifest.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def _other_paths(self) -> Iterator[Path]:
        known = {LOCK_FILE, *(temporary.name for temporary in self.path.glob(TEMPORARY))}
        return (path for path in self.path.rglob("*") if path.name not in known)

    def _answered(self, question: Question) -> ResultRow | None:
        """Return the row of the question's brief if that is complete: by its digest, else by validating the file."""
        file, row = self._file(question.id, "json"), self.rows.get(question.id)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return None
        if row and row.sha256 == _sha256(content) and row.question == question.text:
            return row
        brief = _read_brief(file)
        if brief is None or brief.question != question.text:
            return None
        stages = {**brief.trace.seconds, "model": 0.0}  # the seconds of "model" are part of those of "write"
        seconds = round(sum(stages.values()), 2)
        rebuilt = self._row(QuestionResult(question=question, seconds=seconds, brief=brief), content)
        if row is not None and row.sha256 is not None:  # the JSON was edited, so the other formats are outdated
            rebuilt = rebuilt.model_copy(update={"files": self._paths(question.id, ["json"])})
        return self._with_earlier_attempts(rebuilt)

    def _row(self, result: QuestionResult, content: bytes) -> ResultRow:
        """Build the row of ``result``; ``content`` is its brief or draft as JSON."""
        question, brief, written = result.question, result.brief, result.brief or result.draft
        if brief:
            files = self._paths(question.id, self.formats)
        else:
            files = {"draft": str(self._draft(question.id).relative_to(self.path))} if result.draft else {}
        return ResultRow(
            id=question.id,
            question=question.text,
            status=result.status,
            seconds=result.seconds,
            tokens=dict(written.trace.tokens) if written else {},
            cost=written.trace.cost if written else 0.0,
            scores=scores_of(brief) if brief else {},
            files=files,
            sha256=_sha256(content) if brief else None,
            fault=result.fault,
            error=result.error,
        )

    def _with_earlier_attempts(self, row: ResultRow) -> ResultRow:
        """Add the seconds and the cost of earlier attempts at the question."""
        before = self.rows.get(row.id)
        if before is None or before.sha256 is not None:
            return row
        cost = None if before.cost is None or row.cost is None else before.cost + row.cost
        return row.model_copy(update={"seconds": round(before.seconds + row.seconds, 2), "cost": cost})

    def _json_last(self) -> list[Format]:
        return [*(form for form in self.formats if form != "json"), "json"]

    def _paths(self, id_: str, forms: Iterable[Format]) -> dict[str, str]:
        return {form: str(self._file(id_, form).relative_to(self.path)) for form in forms}

    def _file(self, id_: str, form: Format) -> Path:
        return self.path / self.briefs / f"{file_name(id_)}.{FORMAT_SUFFIXES[form]}"

    def _draft(self, id_: str) -> Path:
        return self.path / "drafts" / f"{file_name(id_)}.json"


def _read_brief(file: Path) -> Brief | None:
    """Read and validate the brief in ``file``; None if there is no valid one."""
    try:
        return from_json(file.read_bytes())
    except (ReadError, OSError):
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
