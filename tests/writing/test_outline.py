"""A plan: notes that answer, shared out into balanced sections under true headings. Real corpus and encoder."""

from __future__ import annotations

import pytest

from rag.embedding import load_encoder
from rag.retrieval.rerank import rerank
from rag.store import Index
from rag.writing.compose import closing_evidence
from rag.writing.evidence import limits
from rag.writing.outline import Outline, make_outline

BROAD = "What are the links between Trump and Putin?"
NARROW = "What did Horowitz conclude about the opening of Crossfire Hurricane?"


def planned(index: Index, question: str) -> Outline:
    hits = rerank(index, question, load_encoder().word_vectors, k=40)
    return make_outline(question, hits, load_encoder().vectors, load_encoder().word_vectors)


@pytest.fixture(scope="module")
def broad(corpus_index: Index) -> Outline:
    return planned(corpus_index, BROAD)


def test_sections_are_balanced_distinct_and_share_no_note(broad: Outline) -> None:
    assert 3 <= len(broad.sections) <= 7
    notes = [note.text for section in broad.sections for note in section.notes]
    assert len(notes) == len(set(notes))
    assert all(2 <= len(section.notes) <= 5 for section in broad.sections)
    assert len({section.heading.casefold() for section in broad.sections}) == len(broad.sections)


def test_the_same_hits_give_the_same_plan_and_none_give_none(corpus_index: Index, broad: Outline) -> None:
    assert planned(corpus_index, BROAD) == broad
    assert make_outline(BROAD, [], load_encoder().vectors, load_encoder().word_vectors).sections == ()


def test_a_finding_is_not_told_without_what_takes_it_back(broad: Outline) -> None:
    told = [note for section in broad.sections for note in section.notes]
    [found] = [note for note in told if "identified numerous links" in note.text]
    [denied] = [note for note in told if "did not establish" in note.text]
    assert limits(found, denied)
    assert told.index(denied) == told.index(found) + 1
    summary, _ = closing_evidence(broad)
    assert (found in summary) is (denied in summary) is True


def test_a_broad_question_is_summed_up_from_several_sections_and_a_narrow_one_by_its_answer(
    corpus_index: Index, broad: Outline
) -> None:
    assert broad.broad
    summary, _ = closing_evidence(broad)
    assert sum(any(note in section.notes for note in summary) for section in broad.sections) >= 3
    narrow = planned(corpus_index, NARROW)
    assert not narrow.broad
    assert any("adequate factual predicate" in note.text for note in closing_evidence(narrow)[0])
