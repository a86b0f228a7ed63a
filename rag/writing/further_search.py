"""Find what the outline of a large model lacks: by its own searches, and beside the passages that it names.

A model that has read some passages knows better what to search for than the question tells, as in IRCoT (Trivedi et
al., ACL 2023) and Self-Ask (Press et al., 2023). It searches after the outline, once more when it has seen in short
what was found, and before the corrections.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from rag.embedding import count_tokens, load_encoder
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
from rag.writing.shortening import ShorteningRule, shortened_texts

if TYPE_CHECKING:
    from rag.store import Index

SURVEYED, SURVEYED_LATEST = 5, 2
"""Hits of each search that the model sees in short: in all documents, and in the latest ones."""

LATEST_SHARE = 0.05
"""The share of the dated documents that are the latest ones.

The decision that a question on minutes of ten years asked for, in an announcement of three subjects, was the 28th hit
of two searches for it, and the second one among the minutes of the last months.
"""

SURVEY_RULE = ShorteningRule(in_full=0, length=50, margin=10)
"""How far they are shortened: enough to say what a passage is about. Those chosen are read in full."""

SEARCHED, FIRST, LEAST_LIKELY = 24, 2, 0.1
"""Hits of a search; the first ones, which are taken in any case; the least probability that another one answers it.

Of 15 passages that eight searches found, the writer cited three, all above .4; five are below .1. The one that gives
the reasons of a change had .15 for two searches.
"""

SEARCHED_WITHIN = 100
"""Hits of a search among which those in some documents are looked for."""

LIKELY_BESIDE = 0.5
"""The least probability that a passage beside others answers the question or one of its aspects."""


class FurtherSearch(Protocol):
    """Finds passages for what a model wants to know next."""

    def survey(self, queries: Sequence[str], chunks: Sequence[Chunk]) -> tuple[Sequence[Hit], Mapping[str, str]]:
        """Return the first hits of ``queries`` and passages beside ``chunks`` that may answer the question.

        Of those that are long, the words nearest to the queries are returned, too, by id.
        """
        ...

    def find(self, query: str) -> Sequence[Hit]:
        """Return the hits for ``query``, best first."""
        ...

    def find_within(self, query: str, documents: Collection[str]) -> Sequence[Hit]:
        """Return the hits for ``query`` in ``documents``, best first."""
        ...

    def companions(self, chunks: Sequence[Chunk]) -> Mapping[str, Sequence[Chunk]]:
        """Return the passages that a reader of each of ``chunks`` needs beside it, by its id."""
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

    def survey(self, queries: Sequence[str], chunks: Sequence[Chunk]) -> tuple[list[Hit], dict[str, str]]:
        """See :meth:`FurtherSearch.survey`.

        Of each query these are the first hits in all documents, and those in the latest ones, which tell what became of
        a matter. What is at hand already, ``chunks`` and the hits of the queries before, does not count: the first hits
        for what a passage leaves open are mostly this passage and others like it.
        """
        found: dict[str, Hit] = {}
        known = {chunk.id for chunk in chunks}
        searches = [(query, SURVEYED, self.where) for query in queries]
        if latest := self._latest_documents():
            searches += [(query, SURVEYED_LATEST, latest) for query in (*self.questions[:1], *queries)]
        with self.recorded("searching for what the outline lacks"):
            for query, most, where in searches:
                hits = search_index(self.index, query, k=SEARCHED, where=where)
                new = [hit for hit in hits if hit.chunk.id not in known]
                found |= {hit.chunk.id: hit for hit in new[:most]}
                known |= found.keys()
        hits = [*found.values(), *(hit for hit in self._beside(chunks) if hit.chunk.id not in found)]
        texts = [hit.chunk for hit in hits]
        return hits, shortened_texts(
            texts, (*queries, *self.questions), load_encoder().vectors, count_tokens, SURVEY_RULE
        )

    def _latest_documents(self) -> Filter | None:
        """Return a filter for the latest documents, as far as the user's own lets them through; None without dates."""
        since = self.index.catalogue.date_of_latest(LATEST_SHARE)
        if since is None:
            return None
        where = self.where or Filter()
        return replace(where, since=max(since, where.since or ""))

    def find(self, query: str) -> list[Hit]:
        """See :meth:`FurtherSearch.find`.

        The hits are in turn the next of the search and the next by whether they answer: a query of nouns is no
        question, and what the search had second was left out by its probability.
        """
        with self.recorded(f"searching for {query!r}"):
            hits = search_index(self.index, query, k=SEARCHED, where=self.where)
            scores = read_further(AnswerScores(questions=(query,), by_chunk={}), hits, self.score_answers)
        by_answers = order_by_answers(hits, scores, only_evidence=False)
        likely = [hit for hit in by_answers if (scores.best(hit.chunk.id) or 0.0) >= LEAST_LIKELY]
        return merge_hits([hits[:FIRST], likely])

    def find_within(self, query: str, documents: Collection[str]) -> list[Hit]:
        """See :meth:`FurtherSearch.find_within`.

        What a brief says is not told may stand in a document that it cites, behind the hits of many others: the reasons
        for the end of a proposal stood in its last section, the seventh hit.
        """
        with self.recorded(f"searching the documents cited for {query!r}"):
            hits = search_index(self.index, query, k=SEARCHED_WITHIN, where=self.where)
        return [hit for hit in hits if hit.chunk.document_id in documents]

    def companions(self, chunks: Sequence[Chunk]) -> dict[str, tuple[Chunk, ...]]:
        """See :meth:`FurtherSearch.companions`."""
        return companions(self.index, chunks, self.where)

    def _beside(self, chunks: Sequence[Chunk]) -> list[Hit]:
        """Return the passages directly before and after ``chunks``, below any heading, that are likely to answer."""
        with self.recorded("reading what stands beside the passages of the outline"):
            near = [each for chunk in chunks for each in self.index.catalogue.neighbours(chunk)]
            hits = as_neighbours(near, [Hit(chunk=chunk, rank=1, score=0.0) for chunk in chunks])
            scores = read_further(AnswerScores(questions=tuple(self.questions), by_chunk={}), hits, self.score_answers)
        probability = {hit.chunk.id: scores.best(hit.chunk.id) or 0.0 for hit in hits}
        return [hit for hit in hits if probability[hit.chunk.id] >= LIKELY_BESIDE]
