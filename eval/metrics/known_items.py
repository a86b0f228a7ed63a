"""Measure known-item search: is the one passage that answers found, with and without the reranker?

The suite ``eval/cases/known_items.jsonl`` has 25 questions on each of four public collections that nothing was tuned
on. Each was written by hand from a passage drawn at random, in other words than those of the passage. The passage is
given by its document and the digest of some of its words, so that the suite has no text of the collections.

The collections are ``sitepolicy``, the policies of github.com/github/site-policy; ``tsc``, the minutes of
github.com/nodejs/TSC; ``rustblog``, the posts of github.com/rust-lang/blog.rust-lang.org; and ``scrapy``, the
documentation of github.com/scrapy/scrapy.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from rag.types import Chunk

from ..runner.cases import NonEmptyText, SuiteRow, read_suite
from .intervals import Interval, bootstrap_mean, paired_difference

CUTOFF = 10
"""Hits that are looked at; an answer below them counts as not found."""


class KnownItemCase(SuiteRow):
    """A question over ``collection`` and the words that the passage has which answers it.

    ``digest`` is of ``words`` consecutive words: see :func:`words_digest`. Copies of the passage in other documents
    than ``document_id`` answer as well.
    """

    collection: NonEmptyText
    document_id: NonEmptyText
    words: int = Field(ge=3)
    digest: str = Field(pattern=r"^[0-9a-f]{16}$")

    def is_answered_by(self, chunk: Chunk) -> bool:
        """Whether ``chunk`` has the words."""
        found = plain_words(chunk.text)
        starts = range(len(found) - self.words + 1)
        return any(words_digest(found[start : start + self.words]) == self.digest for start in starts)


def plain_words(text: str) -> list[str]:
    """Return the words of ``text`` in lower case, without punctuation: the parts of "it's" are two words."""
    return re.findall(r"\w+", text.lower())


def words_digest(words: Sequence[str]) -> str:
    """Return the first 16 hex digits of SHA-256 over ``words``, joined by spaces."""
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def read_known_items(path: str | Path) -> list[KnownItemCase]:
    """Read a suite. Raises as :func:`rag.eval.runner.cases.read_suite`."""
    return read_suite(path, KnownItemCase)


def first_rank(chunks: Iterable[Chunk], is_answer: Callable[[Chunk], bool]) -> int | None:
    """Return the rank, from 1, of the first of ``chunks`` that is an answer; None without one."""
    return next((rank for rank, chunk in enumerate(chunks, 1) if is_answer(chunk)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownItemFigures:
    """Means over questions before and after, and the mean of the paired differences, each with its interval."""

    before: Interval | None
    after: Interval | None
    difference: Interval | None


def compare_ranks(before: Sequence[int | None], after: Sequence[int | None]) -> Mapping[str, KnownItemFigures]:
    """Return nDCG@10 and RR@10 of two rankings of the same questions.

    With one relevant passage the ideal gain is 1, so that nDCG is 1 ÷ log2(1 + rank).
    """
    measures: dict[str, Callable[[int], float]] = {
        "nDCG@10": lambda rank: 1 / math.log2(1 + rank),
        "RR@10": lambda rank: 1 / rank,
    }
    found: dict[str, KnownItemFigures] = {}
    for name, gain in measures.items():
        first, second = ([gain(rank) if rank else 0.0 for rank in ranks] for ranks in (before, after))
        found[name] = KnownItemFigures(
            before=bootstrap_mean(first), after=bootstrap_mean(second), difference=paired_difference(first, second)
        )
    return found
