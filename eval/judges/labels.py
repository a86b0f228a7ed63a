"""Labels: verdicts given by a person on sentences of a run, one JSONL row for each sentence."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import UsageError
from rag.text import lines_of
from rag.types import Support

LABELS_FILE = "labels.jsonl"
"""Name of the file of labels in the directory of a run."""


class Label(BaseModel):
    """A person's verdict on the sentence ``text`` of the brief ``id``."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    text: str
    support: Support


def read_labels(path: Path) -> list[Label]:
    """Read the labels of a JSONL file; an empty list if the file does not exist.

    Raises:
        UsageError: a row is not a label; the message names the line.
    """
    if not path.is_file():
        return []
    labels = []
    for number, line in enumerate(lines_of(path.read_text(encoding="utf-8")), 1):
        try:
            labels += [Label.model_validate_json(line)] if line.strip() else []
        except ValidationError as error:
            raise UsageError(f"{path}, line {number}: {error.errors(include_url=False)[0]['msg']}") from None
    return labels
