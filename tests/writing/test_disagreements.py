"""Conflicts: one document disputes a finding that another one states."""

from __future__ import annotations

import pytest
from briefs import chunk

from rag.embedding import load_encoder
from rag.writing.disagreements import contradicts, find_conflicts
from rag.writing.evidence import EvidenceSentence

BARR = "Attorney General William Barr disagreed with Horowitz in December 2019 and said the suspicions were thin."
FOUND = "Inspector General Michael Horowitz found in December 2019 that the FBI had an adequate factual predicate."


def evidence(text: str, document: str) -> EvidenceSentence:
    return EvidenceSentence(text=text, chunk=chunk(document, text), start=0, end=len(text))


@pytest.mark.integration
def test_a_conflict_between_two_documents_is_found_once_with_both_sides() -> None:
    sentences = [
        evidence(BARR, "barr"),
        evidence(FOUND, "horowitz"),
        evidence("Foege fought smallpox in Nigeria in 1966.", "smallpox"),
    ]
    [conflict] = find_conflicts(sentences, load_encoder().vectors([each.text for each in sentences]))
    assert (conflict.disputing.text, conflict.stating.text) == (BARR, FOUND)


@pytest.mark.integration
def test_a_document_does_not_conflict_with_itself() -> None:
    sentences = [evidence(BARR, "report"), evidence(FOUND, "report")]
    assert find_conflicts(sentences, load_encoder().vectors([each.text for each in sentences])) == []


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
def test_disputing_a_finding_contradicts_it(disputing: str, stating: str) -> None:
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
def test_sentences_on_the_same_subject_are_no_contradiction_by_themselves(one: str, other: str) -> None:
    assert not contradicts(one, other)
