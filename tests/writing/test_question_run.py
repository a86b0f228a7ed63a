"""The evidence of a question: real index, real models; a scripted server for the queries of a large model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fault_server import FaultServer, good

from rag.config import load_settings
from rag.llm import ChatClient, resolve
from rag.retrieval import search_index
from rag.store import Index
from rag.types import Filter
from rag.writing.companions import is_same_part
from rag.writing.evidence_budget import hits_to_fill
from rag.writing.further_search import FOUND_IN_LATEST
from rag.writing.question_run import FOUND_SHARE, QuestionRun

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


def test_a_large_model_gets_as_many_hits_as_its_evidence_takes_unless_k_is_set(
    corpus_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    assert run(corpus_index).hits_wanted == hits_to_fill(12_000)
    assert run(corpus_index, k=16).hits_wanted == 16
    assert run(corpus_index, "extractive").hits_wanted == 40


def test_a_passage_that_answers_an_aspect_alone_is_evidence(
    corpus_index: Index, connect: Callable[[FaultServer], ChatClient]
) -> None:
    with FaultServer([good({"queries": [ASPECT]})]) as server:
        model = connect(server)
        asked = run(corpus_index, k=16)
        found, first = asked.find_evidence(None)
        assert first.enough
        assert not any("hubble" in hit.chunk.document_id for hit in found)
        hits, answerability, _ = asked.add_aspects(found, model, None)
    beside = [hit.chunk.id for hit in hits if "hubble" in hit.chunk.document_id]
    assert beside
    assert answerability.scores.questions == ((QUESTION,), (ASPECT,))
    of_question_alone = max(answerability.scores.by_chunk[id_][0] for id_ in beside)
    of_aspect = max(answerability.scores.by_chunk[id_][1] for id_ in beside)
    assert of_aspect > 0.12 > of_question_alone  # below, a passage is off the question


def test_all_hits_that_are_asked_for_are_read_and_none_is_lost_but_those_off_the_question(
    corpus_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    asked = run(corpus_index, k=20)
    searched = {hit.chunk.id for hit in asked.retrieve(None)}
    found, answerability = asked.find_evidence(None)
    read = answerability.scores
    assert len(searched) == 20
    assert searched <= set(read.by_chunk)
    on_question = {id_ for id_ in searched if (read.best(id_) or 0) >= 0.12}
    assert {hit.chunk.id for hit in found if hit.found_by != ("neighbour",)} == on_question


def test_without_a_large_model_the_hits_behind_the_first_ones_are_evidence_unread(corpus_index: Index) -> None:
    asked = run(corpus_index, "extractive", k=20)
    searched = [hit.chunk.id for hit in asked.retrieve(None)]
    found, answerability = asked.find_evidence(None)
    read = answerability.scores.by_chunk
    assert {id_ for id_ in searched if id_ in read} == set(searched[:14])
    assert set(searched[14:]) <= {hit.chunk.id for hit in found}


def test_a_further_search_has_the_first_hits_of_the_search_and_what_answers(corpus_index: Index) -> None:
    asked = run(corpus_index, "extractive")
    hits = asked.further_search(None).find((), [ASPECT], (), ())
    first = search_index(corpus_index, ASPECT, k=1)[0].chunk
    assert first in [hit.chunk for hit in hits]
    assert any("hubble" in hit.chunk.document_id for hit in hits[:3])
    beside = asked.further_search(None).companions([hit.chunk for hit in hits])
    assert set(beside) == {hit.chunk.id for hit in hits}
    known = {hit.chunk.id for hit in hits}
    others = asked.further_search(None).find((), [ASPECT], (), known)
    assert others  # what is at hand already does not count
    assert not {hit.chunk.id for hit in others} & known
    only = asked.further_search(Filter(document="*hubble*")).find((), [QUESTION], (), ())
    assert only
    assert all("hubble" in hit.chunk.document_id for hit in only)


def test_a_further_search_fits_the_part_of_the_tokens_of_evidence_that_is_for_it(corpus_index: Index) -> None:
    def tokens(evidence_tokens: int) -> float:
        search = run(corpus_index, "extractive", evidence_tokens=evidence_tokens).further_search(None)
        return sum(search.tokens_read(hit.chunk) for hit in search.find((), [ASPECT, QUESTION], (), ()))

    assert 0 < tokens(2_000) <= FOUND_SHARE * 2_000 < tokens(12_000) <= FOUND_SHARE * 12_000


def test_what_stands_beside_the_passages_cited_is_found_if_it_may_answer(corpus_index: Index) -> None:
    asked = run(corpus_index, "extractive")
    hits, answerability = asked.find_evidence(None)
    answer, [before, *_] = next(
        (hit.chunk, near)
        for hit in hits
        if (answerability.scores.best(hit.chunk.id) or 0) > 0.6
        and (near := corpus_index.catalogue.neighbours(hit.chunk))
    )
    search = asked.further_search(None)
    found = search.find((), (), [before], [before.id])
    assert answer in [hit.chunk for hit in found if hit.found_by == ("neighbour",)]
    off = replace(search, questions=("What does bread cost in Oslo?",)).find((), (), [before], [before.id])
    assert not [hit for hit in off if hit.found_by == ("neighbour",)]


def test_the_latest_documents_are_searched_apart_as_far_as_the_filter_lets_them_through(
    corpus_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(corpus_index.catalogue), "date_of_latest", lambda _, share: "2025-06")
    late = search_index(corpus_index, QUESTION, k=FOUND_IN_LATEST, where=Filter(since="2025-06"))
    assert late
    hits = run(corpus_index, "extractive").further_search(None).find((), (), (), ())
    assert [hit.chunk.id for hit in hits] == [hit.chunk.id for hit in late]
    none_later = run(corpus_index, "extractive").further_search(Filter(until="2025-05"))
    assert none_later.find((), (), (), ()) == []


def test_a_gap_is_searched_for_in_the_documents_cited_behind_the_hits_of_others(corpus_index: Index) -> None:
    search = run(corpus_index, "extractive").further_search(None)
    other = next(each for each in search_index(corpus_index, ASPECT, k=50)[10:] if each.chunk.document_id)
    within = search.find([ASPECT], (), [other.chunk], ())
    without = search.find((), [ASPECT], [other.chunk], ())
    new = {hit.chunk.id: hit.chunk for hit in within if hit not in without}
    assert other.chunk.document_id in {chunk.document_id for chunk in new.values()}


def test_what_a_gaps_search_finds_in_the_documents_cited_brings_what_stands_behind_it(corpus_index: Index) -> None:
    """Of four bottlenecks the editor saw the passages that tell what they are, not that they were removed."""
    search = run(corpus_index, "extractive").further_search(None)
    catalogue = corpus_index.catalogue
    hits = {hit.chunk.id: hit.chunk for hit in search_index(corpus_index, QUESTION, k=50)}
    first, behind = next(
        (chunk, each)
        for chunk in hits.values()
        for each in catalogue.neighbours(chunk)
        if each.id not in hits and each.start > chunk.start and is_same_part(each, chunk)
    )
    known = hits.keys() - {first.id}
    found = [hit.chunk.id for hit in search.find([QUESTION], (), [first], known)]
    assert found.index(behind.id) == found.index(first.id) + 1


def test_a_filter_that_no_document_passes_is_named(corpus_index: Index) -> None:
    hits, answerability = run(corpus_index, "extractive").find_evidence(Filter(document="nothing*", since="2030"))
    assert hits == []
    assert answerability.gaps == (
        "No document passes the filter (document nothing*, since 2030; documents without a date are left out).",
    )
