"""A disagreement is told where one document disputes what another states, and nowhere else."""

from __future__ import annotations

import pytest
from briefs import chunk

from rag.embedding import load_encoder
from rag.writing.disagreements import conflicts, contradicts
from rag.writing.evidence import EvidenceSentence

BARR = "Attorney General William Barr disagreed with Horowitz in December 2019 and said the suspicions were thin."
FOUND = "Inspector General Michael Horowitz found in December 2019 that the FBI had an adequate factual predicate."


def note(text: str, document: str) -> EvidenceSentence:
    return EvidenceSentence(text=text, chunk=chunk(document, text), start=0, end=len(text))


def test_two_documents_that_contradict_each_other_are_told_once_with_both_sides() -> None:
    notes = [note(BARR, "barr"), note(FOUND, "horowitz"), note("Foege fought smallpox in Nigeria in 1966.", "smallpox")]
    [conflict] = conflicts(notes, load_encoder().vectors([each.text for each in notes]))
    assert (conflict.disputing.text, conflict.stating.text) == (BARR, FOUND)


def test_a_document_does_not_disagree_with_itself() -> None:
    notes = [note(BARR, "report"), note(FOUND, "report")]
    assert conflicts(notes, load_encoder().vectors([each.text for each in notes])) == []


@pytest.mark.parametrize(
    ("disputing", "stating"),
    [
        (
            "John Durham said that he did not agree with some of the Inspector General's findings.",
            "Inspector General Michael Horowitz concluded that the information was sufficient to open the case.",
        ),
        (
            "The Democratic minority disputed in 2018 the majority's finding that the assessment was flawed.",
            "The committee's Republican majority had reported in March 2018 that the judgments fell short.",
        ),
    ],
)
def test_a_dispute_of_somebody_s_finding_contradicts_that_finding(disputing: str, stating: str) -> None:
    assert contradicts(disputing, stating)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BARR, "Inspector General Michael Horowitz published a review of the investigation on December 9, 2019."),
        (BARR, "Attorney General William Barr concluded that the steps taken were not justified."),
        (
            "Judge Friedrich denied Concord's motions to dismiss the case in 2018.",
            "Concord found a new lawyer in 2018.",
        ),
        ("Horowitz agreed with Barr on the warrants.", "Barr found that the warrants were flawed."),
        ("Trump granted Stone a full pardon on December 23, 2020.", "Trump pardoned Papadopoulos a day earlier."),
    ],
)
def test_what_merely_stands_near_is_no_contradiction(one: str, other: str) -> None:
    assert not contradicts(one, other)
