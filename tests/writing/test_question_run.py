"""The evidence of a question: real index, real models; a scripted server for the queries of a large model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_server import FaultServer, good

from rag.config import load_settings
from rag.llm import ChatClient, resolve
from rag.retrieval import search_index
from rag.store import Index
from rag.types import Filter
from rag.writing.question_run import QuestionRun

pytestmark = pytest.mark.integration

QUESTION = "What did Horowitz conclude about the opening of Crossfire Hurricane?"
ASPECT = "Why were the first pictures of the Hubble telescope blurred?"


def run(index: Index, llm: str = "openai:gpt-4.1-mini", **options: int) -> QuestionRun:
    settings = load_settings({"llm": llm, **options})
    return QuestionRun(
        question=QUESTION,
        settings=settings,
        index=index,
        choice=resolve(llm, settings),
        verifier=None,
        remote_embedder=None,
        on_progress=lambda _: None,
    )


def test_a_passage_that_answers_an_aspect_alone_is_evidence(
    corpus_index: Index, connect: Callable[[FaultServer], ChatClient]
) -> None:
    with FaultServer([good({"queries": [ASPECT]})]) as server:
        model = connect(server)
        asked = run(corpus_index)
        found, first = asked.find_evidence(None)
        assert first.enough
        assert not any("hubble" in hit.chunk.document_id for hit in found)
        hits, answerability, _ = asked.add_aspects(found, model, None)
    beside = [hit.chunk.id for hit in hits if "hubble" in hit.chunk.document_id]
    assert beside
    assert answerability.scores.questions == (QUESTION, ASPECT)
    of_question_alone = max(answerability.scores.by_chunk[id_][0] for id_ in beside)
    of_aspect = max(answerability.scores.by_chunk[id_][1] for id_ in beside)
    assert of_aspect > 0.12 > of_question_alone  # below, a passage is off the question


def test_all_hits_that_are_asked_for_are_read_and_none_is_lost_but_those_off_the_question(corpus_index: Index) -> None:
    asked = run(corpus_index, "extractive", k=50)
    searched = {hit.chunk.id for hit in asked.retrieve(None)}
    found, answerability = asked.find_evidence(None)
    read = answerability.scores
    assert len(searched) == 50
    assert searched <= set(read.by_chunk)
    on_question = {id_ for id_ in searched if (read.best(id_) or 0) >= 0.12}
    assert {hit.chunk.id for hit in found if hit.found_by != ("neighbour",)} == on_question


def test_a_further_search_has_the_first_hits_of_the_search_and_what_answers_and_what_stands_beside(
    corpus_index: Index,
) -> None:
    asked = run(corpus_index, "extractive")
    hits, beside = asked.further_search(None).find(ASPECT)
    searched = search_index(corpus_index, ASPECT, k=4)
    assert {hit.chunk.id for hit in searched} <= {hit.chunk.id for hit in hits}
    assert hits[0].chunk == searched[0].chunk
    assert any("hubble" in hit.chunk.document_id for hit in hits[:2])
    assert set(beside) == {hit.chunk.id for hit in hits}
    only, _ = asked.further_search(Filter(document="*hubble*")).find(QUESTION)
    assert only
    assert all("hubble" in hit.chunk.document_id for hit in only)


def test_beside_passages_are_read_those_that_answer_best_first(corpus_index: Index) -> None:
    asked = run(corpus_index, "extractive")
    first = next(hit.chunk for hit in asked.retrieve(None) if corpus_index.catalogue.neighbours(hit.chunk))
    beside = asked.further_search(None).beside([first])
    near = {chunk.id for chunk in corpus_index.catalogue.neighbours(first)}
    assert {hit.chunk.id for hit in beside} <= near
