"""Find what the evidence of a large model lacks: by its own searches, and beside the passages that it chose or cited.

A model that has read some passages knows better what to search for than the question tells, as in IRCoT (Trivedi et
al., ACL 2023) and Self-Ask (Press et al., 2023). It searches before it writes the brief, and before it corrects it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
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
from rag.text import is_wordless_code
from rag.types import Chunk, Filter, Hit
from rag.writing.companions import companions, is_same_part
from rag.writing.evidence_budget import fit_evidence

if TYPE_CHECKING:
    from rag.store import Index

FOUND_PER_SEARCH, FOUND_IN_LATEST = 3, 2
"""Largest numbers of new hits of a search: in all documents, or those at hand, and in the latest ones."""

LATEST_SHARE = 0.05
"""The share of the dated documents that are the latest ones.

The decision that a question on minutes of ten years asked for, in an announcement of three subjects, was the 28th hit
of two searches for it, and the second one among the minutes of the last months.
"""

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

    def find(
        self, gaps: Sequence[str], searches: Sequence[str], at_hand: Sequence[Chunk], known: Collection[str]
    ) -> Sequence[Hit]:
        """Return the passages, best first, that are read beside those that are ``known``, by id.

        Args:
            gaps: queries for what a brief says is not told. It may stand in a document at hand.
            searches: queries for what else is lacking.
            at_hand: the passages that were chosen for the brief, or that it cites.
            known: the ids of the passages that are read already.
        """
        ...

    def companions(self, chunks: Sequence[Chunk]) -> Mapping[str, Sequence[Chunk]]:
        """Return the passages that a reader of each of ``chunks`` needs beside it, by its id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSearch:
    """Finds passages of an index.

    ``questions`` are the question and its aspects, ``score_answers`` is the model that reads them with passages,
    ``budget`` is in tokens, which ``tokens_read`` estimates of a passage, and ``recorded`` reports what is done, and
    its time, around it.
    """

    index: Index
    where: Filter | None
    questions: Sequence[str]
    score_answers: ScoreAnswers
    budget: int
    tokens_read: Callable[[Chunk], float]
    recorded: Callable[[str], AbstractContextManager[None]]

    def find(
        self, gaps: Sequence[str], searches: Sequence[str], at_hand: Sequence[Chunk], known: Collection[str]
    ) -> list[Hit]:
        """See :meth:`FurtherSearch.find`.

        The first hits of each search come first, then the second ones, as far as the budget goes. The latest documents
        are searched besides, since they tell what became of a matter. A passage that a gap's search finds in the
        documents at hand is followed by the one behind it: the first told what a bottleneck is, the next its removal.
        """
        queries = tuple(dict.fromkeys((*gaps, *searches)))
        rankings = [self._find_within(query, {chunk.document_id for chunk in at_hand}) for query in gaps]
        rankings += [self._find_answers(query) for query in queries]
        rankings = [_new(hits, known)[:FOUND_PER_SEARCH] for hits in rankings]
        for_gaps = {hit.chunk.id for hits in rankings[: len(gaps)] for hit in hits}
        if latest := self._latest_documents():
            with self.recorded("searching the latest documents"):
                texts = (*self.questions[:1], *queries)
                found = [search_index(self.index, query, k=SEARCHED, where=latest) for query in texts]
            rankings += [_new(hits, known)[:FOUND_IN_LATEST] for hits in found]
        rankings.append(_new(self._beside(at_hand), known))
        hits: dict[str, Hit] = {}
        for hit in merge_hits(rankings):
            own = [hit, *(self._behind(hit) if hit.chunk.id in for_gaps else ())]
            hits.update({each.chunk.id: each for each in _new(own, {*known, *hits})})
        return fit_evidence(list(hits.values()), self.budget, self.tokens_read)

    def companions(self, chunks: Sequence[Chunk]) -> dict[str, tuple[Chunk, ...]]:
        """See :meth:`FurtherSearch.companions`."""
        return companions(self.index, chunks, self.where)

    def _latest_documents(self) -> Filter | None:
        """Return a filter for the latest documents, as far as the user's own lets them through; None without dates."""
        since = self.index.catalogue.date_of_latest(LATEST_SHARE)
        if since is None:
            return None
        where = self.where or Filter()
        return replace(where, since=max(since, where.since or ""))

    def _find_answers(self, query: str) -> list[Hit]:
        """Return the hits for ``query``, best first.

        They are in turn the next of the search and the next by whether they answer: a query of nouns is no question,
        and what the search had second was left out by its probability.
        """
        with self.recorded(f"searching for {query!r}"):
            hits = search_index(self.index, query, k=SEARCHED, where=self.where)
            scores = read_further(AnswerScores(questions=((query,),), by_chunk={}), hits, self.score_answers)
        by_answers = order_by_answers(hits, scores, only_evidence=False)
        likely = [hit for hit in by_answers if (scores.best(hit.chunk.id) or 0.0) >= LEAST_LIKELY]
        return merge_hits([hits[:FIRST], likely])

    def _find_within(self, query: str, documents: Collection[str]) -> list[Hit]:
        """Return the hits for ``query`` in ``documents``, best first.

        What a brief says is not told may stand in a document that it cites, behind the hits of many others: the reasons
        for the end of a proposal stood in its last section, the seventh hit.
        """
        with self.recorded(f"searching the documents at hand for {query!r}"):
            hits = search_index(self.index, query, k=SEARCHED_WITHIN, where=self.where)
        return [hit for hit in hits if hit.chunk.document_id in documents]

    def _behind(self, hit: Hit) -> list[Hit]:
        """Return the passage behind ``hit``, below the same headings."""
        chunk = hit.chunk
        behind = [each for each in self.index.catalogue.neighbours(chunk) if each.start > chunk.start]
        return as_neighbours([each for each in behind if is_same_part(each, chunk)], [hit])

    def _beside(self, chunks: Sequence[Chunk]) -> list[Hit]:
        """Return the passages directly before and after ``chunks``, below any heading, that are likely to answer."""
        with self.recorded("reading what stands beside the passages at hand"):
            near = [each for chunk in chunks for each in self.index.catalogue.neighbours(chunk)]
            hits = as_neighbours(near, [Hit(chunk=chunk, rank=1, score=0.0) for chunk in chunks])
            unread = AnswerScores(questions=tuple((each,) for each in self.questions), by_chunk={})
            scores = read_further(unread, hits, self.score_answers)
        by_answers = order_by_answers(hits, scores, only_evidence=False)
        return [hit for hit in by_answers if (scores.best(hit.chunk.id) or 0.0) >= LIKELY_BESIDE]


def _new(hits: Sequence[Hit], known: Collection[str]) -> list[Hit]:
    """Return the ``hits`` that are not ``known`` and are more than code without words."""
    return [hit for hit in hits if hit.chunk.id not in known and not is_wordless_code(hit.chunk.text)]
