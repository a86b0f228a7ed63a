"""A file of questions → :class:`rag.types.Question`: JSONL, CSV with a header, or plain text, a question a line.

JSONL objects and CSV columns have the same names: ``question``, and if wanted ``id``, ``document``, ``since``,
``until``, ``k`` and ``sections``. A question without an id gets one made of its words: the same wherever it stands.
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

from rag.errors import UsageError
from rag.types import Filter, Question, slug

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Date = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]

RESERVED = frozenset({"manifest"})
"""Names that a folder of briefs needs for files of its own."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)
    question: Text
    id: Text | None = None
    document: Text | None = None
    since: Date | None = None
    until: Date | None = None
    k: Annotated[int, Field(ge=1, le=500)] | None = None
    sections: Annotated[int, Field(ge=1, le=7)] | None = None


def read_questions(path: str) -> list[Question]:
    """The questions of the file at ``path``, or of standard input for ``-``.

    Raises:
        UsageError: no such file, not UTF-8, no question, a row that is none (names the line), or two questions whose
            ids are equal as file names.
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
    """The questions of a file's ``text``; the suffix of its ``name`` says how it is laid out, else the text does."""
    # Not splitlines(), which also breaks at separators that JSON and prose may hold.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    suffix = PurePath(name).suffix.lower()
    first = next((line.lstrip() for line in lines if line.strip()), "")
    if suffix in {".jsonl", ".ndjson"} or (suffix != ".csv" and first.startswith(("{", "["))):
        rows = _of_jsonl(lines, name)
    elif suffix == ".csv" or (suffix != ".txt" and "question" in _cells(first, _delimiter(first))):
        rows = _of_csv(text, name)
    else:
        rows = ((number, {"question": line}) for number, line in enumerate(lines, 1) if line.strip())
    return _distinct(((number, _question(row, number, name)) for number, row in rows), name)


def file_name(id_: str) -> str:
    """``id_`` as a file name, lower case; one that had to be changed gets a digest, so that no two ids share a file."""
    name = slug(id_, 80)
    return name if name == id_ and name not in RESERVED else f"{name}-{_digest(id_)}"


def digest(questions: Iterable[Question]) -> str:
    """SHA-256 over ``questions`` in order, with all their settings."""
    whole = hashlib.sha256()
    for question in questions:
        whole.update(json.dumps(asdict(question), sort_keys=True).encode())
    return whole.hexdigest()


def _of_jsonl(lines: Sequence[str], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
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


def _of_csv(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
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
    """What parts the columns: a comma, or what spreadsheets in other countries write."""
    return next((mark for mark in ",;\t" if "question" in _cells(header, mark)), ",")


def _cells(header: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').lower() for cell in header.split(delimiter)]


def _question(row: Mapping[str, Any], number: int, name: str) -> Question:
    try:
        found = _Row.model_validate(row)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        known = f" (known are {', '.join(_Row.model_fields)})" if fault["type"] == "extra_forbidden" else ""
        raise UsageError(f"{name}, line {number}: {where}: {fault['msg'].lower()}{known}") from None
    text = " ".join(found.question.split())
    return Question(
        id=found.id or f"{slug(text, 60)}-{_digest(text)}",
        text=text,
        where=Filter(document=found.document, since=found.since, until=found.until),
        k=found.k,
        sections=found.sections,
    )


def _distinct(questions: Iterable[tuple[int, Question]], name: str) -> list[Question]:
    lines: dict[str, int] = {}
    found = []
    for number, question in questions:
        earlier = lines.setdefault(file_name(question.id).casefold(), number)
        if earlier != number:
            raise UsageError(
                f"{name}, line {number}: the id {question.id!r} is that of line {earlier}; ids must differ"
            )
        found.append(question)
    if not found:
        raise UsageError(f"{name}: no questions; write one a line, or JSONL or CSV with the names id and question")
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
