"""Outlines over the real corpus: balanced sections, and the evidence for summary and conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from briefs import chunk

from rag.config import load_settings
from rag.embedding import load_encoder
from rag.retrieval import (
    AnswerScores,
    assess_answerability,
    order_by_answers,
    question_parts,
    retrieve,
    search_parts,
)
from rag.store import Index
from rag.types import Hit
from rag.verify.answers import load_answer_model, load_sentence_model
from rag.writing.closing import closing_evidence
from rag.writing.evidence import qualifies
from rag.writing.outline import OUTLINE_WEIGHTS_FOR_LARGE, Outline, make_outline

pytestmark = pytest.mark.integration

BROAD = "What are the links between Trump and Putin?"
NARROW = "What did Horowitz conclude about the opening of Crossfire Hurricane?"


def outline_for(index: Index, question: str) -> Outline:
    hits = retrieve(index, question, k=40)
    encoder, score = load_encoder(), load_answer_model(load_settings()).probabilities
    scores = assess_answerability(question, hits, score, encoder.word_vectors).scores
    return outline_of(question, order_by_answers(hits, scores), scores=scores)


def outline_of(question: str, hits: Sequence[Hit], **options: Any) -> Outline:
    score = load_sentence_model(load_settings()).probabilities
    return make_outline(question, hits, load_encoder().vectors, score, **options)


@pytest.fixture(scope="module")
def broad(corpus_index: Index) -> Outline:
    return outline_for(corpus_index, BROAD)


def test_sections_are_balanced_and_share_neither_sentences_nor_headings(broad: Outline) -> None:
    assert 3 <= len(broad.sections) <= 7
    texts = [sentence.text for section in broad.sections for sentence in section.evidence]
    assert len(texts) == len(set(texts))
    assert all(1 <= len(section.evidence) <= 5 for section in broad.sections)  # 3 on average, and blocks stay whole
    assert len({section.heading.casefold() for section in broad.sections}) == len(broad.sections)


def test_the_same_hits_give_the_same_outline_and_no_hits_an_empty_one(corpus_index: Index, broad: Outline) -> None:
    assert outline_for(corpus_index, BROAD) == broad
    assert outline_of(BROAD, []).sections == ()


def test_sentences_of_which_none_may_answer_are_not_quoted_and_a_large_model_reads_their_passages(
    corpus_index: Index,
) -> None:
    question = "How many ballots were cast in precinct 50 of Acton?"
    hits = retrieve(corpus_index, question, k=10)
    assert outline_of(question, hits).sections == ()
    assert outline_of(question, hits, weights=OUTLINE_WEIGHTS_FOR_LARGE).sections


def test_a_finding_is_followed_by_the_sentence_that_qualifies_it(broad: Outline) -> None:
    sentences = [sentence for section in broad.sections for sentence in section.evidence]
    [found] = [sentence for sentence in sentences if "identified numerous links" in sentence.text]
    [denied] = [sentence for sentence in sentences if "did not establish" in sentence.text]
    assert qualifies(denied, found)
    assert sentences.index(denied) == sentences.index(found) + 1
    summary, _ = closing_evidence(broad)
    assert (found in summary) is (denied in summary)


def test_the_summary_of_a_broad_question_covers_several_sections_and_that_of_a_narrow_one_answers_it(
    corpus_index: Index, broad: Outline
) -> None:
    summary, _ = closing_evidence(broad)
    assert sum(any(sentence in section.evidence for sentence in summary) for section in broad.sections) >= 3
    narrow = outline_for(corpus_index, NARROW)
    assert any("adequate factual predicate" in sentence.text for sentence in closing_evidence(narrow)[0])


def test_each_part_of_a_question_keeps_evidence_from_hits_that_answer_it(corpus_index: Index) -> None:
    question = "Why were Hubble's first pictures blurred, and what did the smallpox campaign cost?"
    parts = [part.wordings for part in question_parts(question)]
    hits = search_parts(corpus_index, question, k=40)
    about = {"hubble-space-telescope.txt": (0.9, 0.0), "smallpox-eradication.txt": (0.0, 0.6)}
    by_chunk = {hit.chunk.id: (0.6, *about[hit.chunk.document_id]) for hit in hits if hit.chunk.document_id in about}
    scores = AnswerScores(questions=((question,), *parts), by_chunk=by_chunk)
    outline = outline_of(question, hits, scores=scores, sections=2)
    quoted = [sentence.chunk.document_id for section in outline.sections for sentence in section.evidence]
    assert all(quoted.count(document) >= 2 for document in about)


def test_a_best_hit_without_a_sentence_for_a_brief_does_not_leave_the_others_out(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, NARROW, k=5)
    text = "See below: opening, Horowitz."
    stub = replace(hits[0].chunk, id="stub", document_id="stub", text=text, start=0, end=len(text))
    ahead = Hit(chunk=stub, rank=1, score=1.0, cosine=hits[0].cosine + 1)
    outline = outline_of(NARROW, [ahead, *hits])
    cited = {sentence.chunk.id for section in outline.sections for sentence in section.evidence}
    assert hits[0].chunk.id in cited
    assert "stub" not in cited


def test_of_two_rules_that_differ_in_their_figures_both_are_told() -> None:
    primary = "If you become the primary caregiver of a child, you can take up to 16 weeks leave at 100% pay."
    secondary = "If you become the secondary caregiver of a new child, you can take up to 6 weeks leave at 100% pay."
    leave = chunk("leave.md", f"{primary} {secondary} All parental leave must be taken within a year.")
    outline = outline_of("How long is parental leave for the primary caregiver?", [Hit(chunk=leave, rank=1, score=1.0)])
    told = [sentence.text for section in outline.sections for sentence in section.evidence]
    assert {primary, secondary} <= {*told, *(sentence.text for sentence in outline.key_points)}
