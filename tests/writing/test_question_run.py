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
from rag.writing.further_search import SURVEYED, SURVEYED_LATEST
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


def test_all_hits_that_are_asked_for_are_read_and_none_is_lost_but_those_off_the_question(
    corpus_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    asked = run(corpus_index, k=50)
    searched = {hit.chunk.id for hit in asked.retrieve(None)}
    found, answerability = asked.find_evidence(None)
    read = answerability.scores
    assert len(searched) == 50
    assert searched <= set(read.by_chunk)
    on_question = {id_ for id_ in searched if (read.best(id_) or 0) >= 0.12}
    assert {hit.chunk.id for hit in found if hit.found_by != ("neighbour",)} == on_question


def test_without_a_large_model_the_hits_behind_the_first_ones_are_evidence_unread(corpus_index: Index) -> None:
    asked = run(corpus_index, "extractive", k=50)
    searched = [hit.chunk.id for hit in asked.retrieve(None)]
    found, answerability = asked.find_evidence(None)
    read = answerability.scores.by_chunk
    assert {id_ for id_ in searched if id_ in read} == set(searched[:14])
    assert set(searched[14:]) <= {hit.chunk.id for hit in found}


def test_a_further_search_has_the_first_hits_of_the_search_and_what_answers(corpus_index: Index) -> None:
    asked = run(corpus_index, "extractive")
    hits = asked.further_search(None).find(ASPECT)
    searched = search_index(corpus_index, ASPECT, k=4)
    assert {hit.chunk.id for hit in searched} <= {hit.chunk.id for hit in hits}
    assert hits[0].chunk == searched[0].chunk
    assert any("hubble" in hit.chunk.document_id for hit in hits[:2])
    beside = asked.further_search(None).companions([hit.chunk for hit in hits])
    assert set(beside) == {hit.chunk.id for hit in hits}
    only = asked.further_search(Filter(document="*hubble*")).find(QUESTION)
    assert only
    assert all("hubble" in hit.chunk.document_id for hit in only)


def test_a_survey_shows_the_first_hits_of_every_query_once_and_of_long_ones_the_words_nearest(
    corpus_index: Index,
) -> None:
    search = run(corpus_index, "extractive").further_search(None)
    hits, shortened = search.survey([ASPECT, QUESTION], [])
    found = [hit.chunk.id for hit in hits]
    assert found[0] == search_index(corpus_index, ASPECT, k=1)[0].chunk.id
    for query in (ASPECT, QUESTION):
        assert {hit.chunk.id for hit in search_index(corpus_index, query, k=SURVEYED)} <= set(found)
    assert len(found) == len(set(found))
    texts = {hit.chunk.id: hit.chunk.text for hit in hits}
    assert shortened
    assert all("[…]" in text and len(text) < len(texts[id_]) for id_, text in shortened.items())
    assert any("mirror" in shortened.get(id_, text) for id_, text in texts.items() if "hubble" in id_)
    others, _ = search.survey([ASPECT, QUESTION], [hit.chunk for hit in hits])
    assert others  # what is at hand already does not count
    assert not {hit.chunk.id for hit in others} & set(found)


def test_a_survey_without_queries_has_the_neighbours_of_passages_that_may_answer_the_question(
    corpus_index: Index,
) -> None:
    asked = run(corpus_index, "extractive")
    first = next(hit.chunk for hit in asked.retrieve(None) if corpus_index.catalogue.neighbours(hit.chunk))
    hits, _ = asked.further_search(None).survey([], [first])
    beside = {hit.chunk.id for hit in hits if hit.found_by == ("neighbour",)}
    assert beside <= {chunk.id for chunk in corpus_index.catalogue.neighbours(first)}
    of_other = run(corpus_index, "extractive").further_search(Filter(document="*hubble*"))
    only, _ = of_other.survey([QUESTION], [])
    assert only
    assert all("hubble" in hit.chunk.document_id for hit in only)


def test_a_survey_searches_the_latest_documents_apart_as_far_as_the_filter_lets_them_through(
    corpus_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(corpus_index.catalogue), "date_of_latest", lambda _, share: "2025-06")
    in_all = {hit.chunk.id for hit in search_index(corpus_index, QUESTION, k=SURVEYED)}
    late = search_index(corpus_index, QUESTION, k=SURVEYED, where=Filter(since="2025-06"))
    expected = [hit.chunk.id for hit in late if hit.chunk.id not in in_all][:SURVEYED_LATEST]
    assert expected
    hits, _ = run(corpus_index, "extractive").further_search(None).survey([QUESTION], [])
    assert set(expected) <= {hit.chunk.id for hit in hits} - in_all
    none_later = run(corpus_index, "extractive").further_search(Filter(until="2025-05"))
    assert all((hit.chunk.date or "") < "2025-06" for hit in none_later.survey([QUESTION], [])[0])


def test_a_search_within_documents_finds_what_stands_behind_the_hits_of_others(corpus_index: Index) -> None:
    search = run(corpus_index, "extractive").further_search(None)
    other = next(each for each in search_index(corpus_index, ASPECT, k=50)[10:] if each.chunk.document_id)
    hits = search.find_within(ASPECT, {other.chunk.document_id})
    assert other.chunk.id in {hit.chunk.id for hit in hits}
    assert {hit.chunk.document_id for hit in hits} == {other.chunk.document_id}


def test_a_filter_that_no_document_passes_is_named(corpus_index: Index) -> None:
    hits, answerability = run(corpus_index, "extractive").find_evidence(Filter(document="nothing*", since="2030"))
    assert hits == []
    assert answerability.gaps == (
        "No document passes the filter (document nothing*, since 2030; documents without a date are left out).",
    )
