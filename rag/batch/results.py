"""The rows of ``results.jsonl``: one JSON object a question, appended as questions end.

The last row of an id counts, and a line that a kill truncated is ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rag._internal.files import write_atomically
from rag.render.json import LINE_BREAKS
from rag.types import Brief, Status


class ResultRow(BaseModel):
    """A line of ``results.jsonl``. ``seconds`` and ``cost`` (US dollars, None if unknown) are totals over all attempts.

    ``tokens`` are counts by kind. ``scores`` has the number of ``sentences``, the ``lowest`` verifier score among them,
    and ``repairs``, counts by repair action. ``files`` are paths by format, relative to the run directory. ``sha256``
    is that of the JSON file, None if there is no brief. ``fault`` is the class name of the ``error``.
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


def read_result_rows(path: Path) -> dict[str, ResultRow]:
    """Read the last row of each question that was attempted, by id; empty if there is no file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    rows = {}
    for line in lines:
        try:
            row = ResultRow.model_validate_json(line)
        except ValidationError:  # truncated by a kill, or the empty end of the file
            continue
        if row.sha256 or row.seconds:  # rows without either are of questions that were not attempted
            rows[row.id] = row
    return rows


def append_result_row(path: Path, row: ResultRow) -> None:
    """Append ``row`` and wait until it is on the disk."""
    data = _encoded(row)
    with path.open("ab", buffering=0) as file:
        while data:
            data = data[file.write(data) :]
        os.fsync(file.fileno())


def write_result_rows(path: Path, rows: Iterable[ResultRow]) -> None:
    """Replace the file by one with these ``rows``, in one step."""
    write_atomically(path, b"".join(map(_encoded, rows)))


def scores_of(brief: Brief) -> dict[str, Any]:
    """Compute the ``scores`` of the row of ``brief``."""
    scores = [sentence.score for sentence in brief.sentences()]
    actions = [repair.action for repair in brief.trace.repairs]
    return {
        "sentences": len(scores),
        "lowest": round(min(scores), 4) if scores else None,
        "repairs": {action: actions.count(action) for action in dict.fromkeys(actions)},
    }


def _encoded(row: ResultRow) -> bytes:
    text = json.dumps(row.model_dump(), ensure_ascii=False).translate(LINE_BREAKS) + "\n"
    return text.encode("utf-8", "backslashreplace")  # an unpaired surrogate becomes the escape that JSON has for it
