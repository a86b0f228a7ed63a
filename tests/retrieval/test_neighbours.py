"""The passages beside those that answer, over the index of ``corpus/``."""

from __future__ import annotations

import pytest

from rag.retrieval import AnswerScores, as_neighbours, neighbours_of_answers, retrieve
from rag.store import Index

pytestmark = pytest.mark.integration

QUESTION = "What did Horowitz conclude about the opening of Crossfire Hurricane?"


def test_only_what_stands_beside_an_answer_and_is_no_hit_is_found(corpus_index: Index) -> None:
    first, second = retrieve(corpus_index, QUESTION, k=2)
    answering = AnswerScores(questions=((QUESTION,),), by_chunk={first.chunk.id: (0.9,), second.chunk.id: (0.3,)})
    found = neighbours_of_answers(corpus_index, [first, second], answering)
    beside = {chunk.id for chunk in corpus_index.catalogue.neighbours(first.chunk)} - {second.chunk.id}
    assert found
    assert {hit.chunk.id for hit in found} == beside
    assert all(hit.found_by == ("neighbour",) and hit.chunk.document_id == first.chunk.document_id for hit in found)
    assert [hit.rank for hit in found] == list(range(3, 3 + len(found)))


def test_where_nothing_answers_nothing_is_added(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, QUESTION, k=3)
    unsure = AnswerScores(questions=((QUESTION,),), by_chunk={hit.chunk.id: (0.49,) for hit in hits})
    assert neighbours_of_answers(corpus_index, hits, unsure) == []


def test_the_neighbours_of_a_chunk_are_directly_before_and_after_it(corpus_index: Index) -> None:
    catalogue = corpus_index.catalogue
    [hit] = retrieve(corpus_index, QUESTION, k=1)
    same = sorted(
        (
            chunk
            for chunk in catalogue.chunks_by_record(list(catalogue.records())).values()
            if chunk.document_id == hit.chunk.document_id
        ),
        key=lambda chunk: chunk.start,
    )
    assert [chunk.id for chunk in catalogue.neighbours(same[0])] == [same[1].id]
    assert [chunk.id for chunk in catalogue.neighbours(same[1])] == [same[0].id, same[2].id]
    assert [chunk.id for chunk in catalogue.neighbours(same[-1])] == [same[-2].id]


def test_neighbours_are_ranked_behind_the_hits_and_never_twice(corpus_index: Index) -> None:
    first, second = retrieve(corpus_index, QUESTION, k=2)
    beside = next(each for each in corpus_index.catalogue.neighbours(first.chunk) if each != second.chunk)
    [found] = as_neighbours([second.chunk, beside], [first, second])
    assert (found.chunk, found.rank, found.found_by) == (beside, 3, ("neighbour",))
