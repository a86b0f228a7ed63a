"""Cases of the answerability suite: questions on a whole collection, half of which it does not answer.

A question without an answer is on a subject of the collection, so that its nearest passages are those that must not
pass for an answer. The text of a collection is not part of the suite.
"""

from __future__ import annotations

from pathlib import Path

from .cases import NonEmptyText, SuiteRow, read_suite


class AnswerabilityCase(SuiteRow):
    """A question on the documents of ``collection``, and whether they answer it."""

    collection: NonEmptyText
    answerable: bool


def read_answerability_cases(path: str | Path) -> list[AnswerabilityCase]:
    """Read the cases of a JSONL file. Raises as :func:`rag.eval.runner.cases.read_suite`."""
    return read_suite(path, AnswerabilityCase)
