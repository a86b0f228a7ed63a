"""Read a suite: questions with the nuggets that a good answer states, and the quotes of documents that support them.

Nuggets are atomic facts, as in TREC's nugget evaluation (Voorhees, TREC 2003; Pradeep et al., "Initial Nugget
Evaluation Results for the TREC 2024 RAG Track", 2024): an answer must state the *vital* ones and may state the *okay*
ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rag.errors import UsageError
from rag.text import lines_of

NonEmptyText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class SuiteRow(BaseModel):
    """A row of a suite: a question with an id."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)
    id: NonEmptyText
    question: NonEmptyText


Row = TypeVar("Row", bound=SuiteRow)


class NuggetSource(BaseModel):
    """A quote of a document that states a nugget."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    document_id: NonEmptyText
    quote: NonEmptyText


class Nugget(BaseModel):
    """A fact that a good answer states; each quote of ``support`` states it alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: NonEmptyText
    importance: Literal["vital", "okay"]
    support: tuple[NuggetSource, ...] = ()


class Case(SuiteRow):
    """A question of a suite. A case that is not ``answerable`` has no nuggets: the right answer is to abstain.

    ``comment`` is the JSON field "notes" and is for the authors of the suite.
    """

    nuggets: tuple[Nugget, ...] = ()
    answerable: bool = True
    comment: str = Field(default="", alias="notes")

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        if self.nuggets and not self.answerable:
            raise ValueError("a case that is not answerable cannot have nuggets")
        return self


def read_cases(path: str | Path) -> list[Case]:
    """Read the cases of a JSONL file. Raises as :func:`read_suite`."""
    return read_suite(path, Case)


def read_suite(path: str | Path, row_type: type[Row]) -> list[Row]:
    """Read a JSONL file, a row of ``row_type`` a line.

    Raises:
        UsageError: the file cannot be read or has no rows, or a row is not a case or repeats an id; the message names
            the line.
    """
    try:
        lines = lines_of(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a suite: {error}") from error
    return parse_suite(lines, str(path), row_type)


def parse_suite(lines: Iterable[str], name: str, row_type: type[Row]) -> list[Row]:
    """Parse the lines of a suite as :func:`read_suite` does; ``name`` is the file's name in error messages."""
    rows: dict[str, Row] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = row_type.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the row"
            raise UsageError(f"{name}, line {number}: {where}: {fault['msg']}") from None
        if row.id in rows:
            raise UsageError(f"{name}, line {number}: the id {row.id!r} is used twice")
        rows[row.id] = row
    if not rows:
        raise UsageError(f"{name}: no cases; each line must be a JSON object with id and question")
    return list(rows.values())


def collapse_whitespace(text: str) -> str:
    """Replace each run of white space by one space, so that quotes compare equal across line breaks."""
    return " ".join(text.split())
