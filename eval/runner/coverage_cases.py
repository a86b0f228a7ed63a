"""Cases of the coverage suite: broad questions with the aspects of a good answer, and the passages that state them.

The text of a collection is not part of the suite. A place is a document and an anchor: a few words that stand in the
passage in this order. A chunk that has the words of an anchor covers the aspect.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from .cases import NonEmptyText, SuiteRow, read_suite

ANCHOR_WORDS = 8
"""Maximum words of an anchor, so that a suite repeats nothing of the documents but these."""

_WORD = re.compile(r"\w+")

Anchor = Annotated[str, StringConstraints(strip_whitespace=True, pattern=rf"^\S+(\s+\S+){{0,{ANCHOR_WORDS - 1}}}$")]


class AspectPlace(BaseModel):
    """A passage that states an aspect: the words of ``anchor`` in the document ``document_id``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    document_id: NonEmptyText
    anchor: Anchor

    def is_in(self, document_id: str, text: str) -> bool:
        """Whether ``text``, of the document, has the words of the anchor."""
        return self.document_id == document_id and anchor_form(self.anchor) in anchor_form(text)


class Aspect(BaseModel):
    """What a good answer must say, in the words of the suite's author; each of ``places`` states it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: NonEmptyText
    places: tuple[AspectPlace, ...] = Field(min_length=1)

    def is_stated_in(self, document_id: str, text: str) -> bool:
        """Whether ``text``, a passage of the document, has the words of one of the aspect's places."""
        return any(place.is_in(document_id, text) for place in self.places)


class CoverageCase(SuiteRow):
    """A broad question about the documents of ``collection``, and what a good answer must say."""

    collection: NonEmptyText
    aspects: tuple[Aspect, ...] = Field(min_length=4, max_length=8)


def read_coverage_cases(path: str | Path) -> list[CoverageCase]:
    """Read the cases of a JSONL file. Raises as :func:`rag.eval.runner.cases.read_suite`."""
    return read_suite(path, CoverageCase)


@lru_cache(maxsize=4_096)
def anchor_form(text: str) -> str:
    """Return the words of ``text`` in lower case between single spaces, without mark-up and punctuation."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "
