"""A suite: questions, and the nuggets that a good answer states, each with the words of the document that states it.

Nuggets are those of TREC's nugget evaluation (Voorhees, TREC 2003; Pradeep et al., "Initial Nugget Evaluation Results
for the TREC 2024 RAG Track", 2024): atomic facts, *vital* ones that an answer must have and *okay* ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from rag.errors import UsageError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Evidence(BaseModel):
    """Words of a document that state a nugget."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    document_id: Text
    quote: Text


class Nugget(BaseModel):
    """A fact that a good answer states. Any one of ``support`` is enough."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: Text
    importance: Literal["vital", "okay"]
    support: tuple[Evidence, ...] = ()


class Case(BaseModel):
    """A question. A case that is not ``answerable`` has no nuggets: the right answer is to say so."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Text
    question: Text
    nuggets: tuple[Nugget, ...] = ()
    answerable: bool = True
    notes: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        if self.nuggets and not self.answerable:
            raise ValueError("a case that is not answerable can have no nuggets")
        return self


def read_cases(path: str | Path) -> list[Case]:
    """The cases of a JSONL file.

    Raises:
        UsageError: no such file, a row that is no case or has an id for the second time (names the line), or no row.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a suite: {error}") from error
    return parse_cases(lines, str(path))


def parse_cases(lines: Iterable[str], name: str) -> list[Case]:
    """See :func:`read`; ``name`` is the file's, for messages."""
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the row"
            raise UsageError(f"{name}, line {number}: {where}: {fault['msg']}") from None
        if case.id in cases:
            raise UsageError(f"{name}, line {number}: the id {case.id!r} stands there twice")
        cases[case.id] = case
    if not cases:
        raise UsageError(f"{name}: no cases; each line is to be a JSON object with id and question")
    return list(cases.values())


def plain(text: str) -> str:
    """``text`` with every run of white space as one space, as quotes are compared."""
    return " ".join(text.split())
