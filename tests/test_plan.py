"""A plan: notes that answer, shared out into balanced sections under true headings. Real corpus and encoder."""

from __future__ import annotations

import pytest

from rag.compose import closing_notes
from rag.embedding import encoder
from rag.index import Index
from rag.notes import limits
from rag.plan import Plan, plan
from rag.rerank import best

BROAD = "What are the links between Trump and Putin?"
NARROW = "What did Horowitz conclude about the opening of Crossfire Hurricane?"


def planned(index: Index, question: str) -> Plan:
    hits = best(index, question, encoder().word_vectors, k=40)
    return plan(question, hits, encoder().vectors, encoder().word_vectors)


@pytest.fixture(scope="module")
def broad(corpus_index: Index) -> Plan:
    return planned(corpus_index, BROAD)


def test_sections_are_balanced_distinct_and_share_no_note(broad: Plan) -> None:
    assert 3 <= len(broad.sections) <= 7
    notes = [note.text for section in broad.sections for note in section.notes]
    assert len(notes) == len(set(notes))
    assert all(2 <= len(section.notes) <= 5 for section in broad.sections)
    assert len({section.heading.casefold() for section in broad.sections}) == len(broad.sections)


def test_the_same_hits_give_the_same_plan_and_none_give_none(corpus_index: Index, broad: Plan) -> None:
    assert planned(corpus_index, BROAD) == broad
    assert plan(BROAD, [], encoder().vectors, encoder().word_vectors).sections == ()


def test_a_finding_is_not_told_without_what_takes_it_back(broad: Plan) -> None:
    told = [note for section in broad.sections for note in section.notes]
    [found] = [note for note in told if "identified numerous links" in note.text]
    [denied] = [note for note in told if "did not establish" in note.text]
    assert limits(found, denied)
    assert told.index(denied) == told.index(found) + 1
    summary, _ = closing_notes(broad)
    assert (found in summary) is (denied in summary) is True


def test_a_broad_question_is_summed_up_from_several_sections_and_a_narrow_one_by_its_answer(
    corpus_index: Index, broad: Plan
) -> None:
    assert broad.broad
    summary, _ = closing_notes(broad)
    assert sum(any(note in section.notes for note in summary) for section in broad.sections) >= 3
    narrow = planned(corpus_index, NARROW)
    assert not narrow.broad
    assert any("adequate factual predicate" in note.text for note in closing_notes(narrow)[0])
