"""Find what the outline of a large model lacks: by its own searches, and beside the passages that it names.

A model that has read some passages knows better what to search for than the question tells, as in IRCoT (Trivedi et
al., ACL 2023) and Self-Ask (Press et al., 2023); here it asks twice, after the outline and before the corrections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rag.retrieval import (
    AnswerScores,
    ScoreAnswers,
    as_neighbours,
    merge_hits,
    order_by_answers,
    read_further,
    search_index,
)
from rag.types import Chunk, Filter, Hit
from rag.writing.companions import companions

if TYPE_CHECKING:
    from rag.store import Index

SEARCHED, FIRST, LEAST_LIKELY = 24, 4, 0.1
"""Hits of a search; the first ones, which are taken in any case; the least probability that another one answers it.

Of 15 passages that eight searches found, the writer cited three, all above .4; five are below .1. The one that gives
the reasons of a change had .15 for two searches.
"""

LIKELY_BESIDE = 0.5
"""The least probability that a passage beside others answers the question or one of its aspects."""


class FurtherSearch(Protocol):
    """Finds passages for what a model wants to know next."""

    def find(self, query: str) -> tuple[Sequence[Hit], Mapping[str, Sequence[Chunk]]]:
        """Return the hits for ``query``, best first, and the passages that a reader of each needs beside it, by id."""
        ...

    def beside(self, chunks: Sequence[Chunk]) -> Sequence[Hit]:
        """Return the passages beside ``chunks``, in their documents, that answer the question, best first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSearch:
    """Finds passages of an index.

    ``questions`` are the question and its aspects, ``score_answers`` is the model that reads them with passages, and
    ``recorded`` reports what is done, and its time, around it.
    """

    index: Index
    where: Filter | None
    questions: Sequence[str]
    score_answers: ScoreAnswers
    recorded: Callable[[str], AbstractContextManager[None]]

    def find(self, query: str) -> tuple[list[Hit], dict[str, tuple[Chunk, ...]]]:
        """See :meth:`FurtherSearch.find`.

        The hits are in turn the next of the search and the next by whether they answer: a query of nouns is no
        question, and what the search had second was left out by its probability.
        """
        with self.recorded(f"searching for {query!r}"):
            hits = search_index(self.index, query, k=SEARCHED, where=self.where)
            scores = read_further(AnswerScores(questions=(query,), by_chunk={}), hits, self.score_answers)
        by_answers = order_by_answers(hits, scores, only_evidence=False)
        likely = [hit for hit in by_answers if (scores.best(hit.chunk.id) or 0.0) >= LEAST_LIKELY]
        found = merge_hits([hits[:FIRST], likely])
        return found, companions(self.index, [hit.chunk for hit in found], self.where)

    def beside(self, chunks: Sequence[Chunk]) -> list[Hit]:
        """See :meth:`FurtherSearch.beside`: the passages directly before and after, below any heading."""
        with self.recorded("reading what stands beside the passages of the outline"):
            near = [each for chunk in chunks for each in self.index.catalogue.neighbours(chunk)]
            hits = as_neighbours(near, [Hit(chunk=chunk, rank=1, score=0.0) for chunk in chunks])
            scores = read_further(AnswerScores(questions=tuple(self.questions), by_chunk={}), hits, self.score_answers)
        probability = {hit.chunk.id: scores.best(hit.chunk.id) or 0.0 for hit in hits}
        likely = [hit for hit in hits if probability[hit.chunk.id] >= LIKELY_BESIDE]
        return sorted(likely, key=lambda hit: -probability[hit.chunk.id])
