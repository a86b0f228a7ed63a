"""Reads a questions file into :class:`rag.types.Question` values: JSONL, CSV with a header, or one question a line.

JSONL objects and CSV columns have the same names: ``question`` and, optionally, ``id``, ``document``, ``since``,
``until``, ``k`` and ``sections``. A question without an id gets one derived from its text, so that the id does not
depend on the question's position in the file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from rag._internal.ids import slug
from rag.errors import UsageError
from rag.text import lines_of
from rag.types import Filter, Question

RESERVED_NAMES = frozenset({"manifest"})
"""File names that a run directory needs for files of its own."""

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_PartialDate = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]


class _QuestionRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)
    question: _Text
    id: _Text | None = None
    document: _Text | None = None
    since: _PartialDate | None = None
    until: _PartialDate | None = None
    k: Annotated[int, Field(ge=1, le=500)] | None = None
    sections: Annotated[int, Field(ge=1, le=7)] | None = None


def read_questions(path: str) -> list[Question]:
    """Read the questions in the file at ``path``, or on standard input if ``path`` is ``-``.

    Raises:
        UsageError: the file is missing, is not UTF-8 or has no questions, a row is invalid (the message names the
            line), or the ids of two questions map to the same file name.
    """
    name = "standard input" if path == "-" else path
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}, line {data[: error.start].count(10) + 1}: not UTF-8; save it as UTF-8") from None
    return parse_questions(text, name)


def parse_questions(text: str, name: str) -> list[Question]:
    """Parse the ``text`` of a questions file. The suffix of ``name`` selects the format; otherwise the text does.

    Raises:
        UsageError: see :func:`read_questions`.
    """
    lines = lines_of(text)
    suffix = PurePath(name).suffix.lower()
    first = next((line.lstrip() for line in lines if line.strip()), "")
    if suffix in {".jsonl", ".ndjson"} or (suffix != ".csv" and first.startswith(("{", "["))):
        rows = _jsonl_rows(lines, name)
    elif suffix == ".csv" or (suffix != ".txt" and "question" in _header_cells(first, _delimiter(first))):
        rows = _csv_rows(text, name)
    else:
        rows = ((number, {"question": line}) for number, line in enumerate(lines, 1) if line.strip())
    return _with_distinct_ids(((number, _question(row, number, name)) for number, row in rows), name)


def file_name(id_: str) -> str:
    """Convert a question id to a lower-case file name without suffix.

    A digest is appended if the id had to be changed, so that different ids get different file names.
    """
    name = slug(id_, 80)
    return name if name == id_ and name not in RESERVED_NAMES else f"{name}-{_short_digest(id_)}"


def questions_digest(questions: Iterable[Question]) -> str:
    """Compute the SHA-256 of ``questions``, in order and with all their settings."""
    sha256 = hashlib.sha256()
    for question in questions:
        sha256.update(json.dumps(asdict(question), sort_keys=True).encode())
    return sha256.hexdigest()


def _jsonl_rows(lines: Sequence[str], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{name}, line {number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise UsageError(f'{name}, line {number}: a {type(row).__name__}; write {{"id": …, "question": …}}')
        yield number, row


def _csv_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = io.StringIO(text, newline="")
    rows = csv.reader(lines, delimiter=_delimiter(text.lstrip().partition("\n")[0]), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(row for row in rows if any(row))]
        if "question" not in header:
            raise UsageError(f"{name}, line {rows.line_num}: the header has no column named question")
        while True:
            number = rows.line_num + 1
            row = next(rows)
            if len(row) > len(header):
                raise UsageError(f"{name}, line {number}: {len(row)} cells under {len(header)} columns; quote commas")
            filled = {column: cell.strip() for column, cell in zip(header, row, strict=False) if cell.strip()}
            if filled:
                yield number, filled
    except StopIteration:
        return
    except csv.Error as error:
        raise UsageError(f"{name}, line {rows.line_num}: not CSV: {error}") from None


def _delimiter(header: str) -> str:
    """Detect the column delimiter: a comma, or the semicolon or tab that spreadsheets write in other locales."""
    return next((delimiter for delimiter in ",;\t" if "question" in _header_cells(header, delimiter)), ",")


def _header_cells(header: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').lower() for cell in header.split(delimiter)]


def _question(row: Mapping[str, Any], number: int, name: str) -> Question:
    try:
        valid = _QuestionRow.model_validate(row)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"]))
        known = f" (known are {', '.join(_QuestionRow.model_fields)})" if fault["type"] == "extra_forbidden" else ""
        raise UsageError(f"{name}, line {number}: {field}: {fault['msg'].lower()}{known}") from None
    text = " ".join(valid.question.split())
    return Question(
        id=valid.id or f"{slug(text, 60)}-{_short_digest(text)}",
        text=text,
        where=Filter(document=valid.document, since=valid.since, until=valid.until),
        k=valid.k,
        sections=valid.sections,
    )


def _with_distinct_ids(numbered: Iterable[tuple[int, Question]], name: str) -> list[Question]:
    lines: dict[str, int] = {}
    questions = []
    for number, question in numbered:
        earlier = lines.setdefault(file_name(question.id).casefold(), number)
        if earlier != number:
            raise UsageError(
                f"{name}, line {number}: the id {question.id!r} is that of line {earlier}; ids must differ"
            )
        questions.append(question)
    if not questions:
        raise UsageError(f"{name}: no questions; write one a line, or JSONL or CSV with the names id and question")
    return questions


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
