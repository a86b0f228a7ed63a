"""Questions that the corpus answers are accepted, and others refused. Real corpus and encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from briefs import chunk

from rag.embedding import load_encoder
from rag.retrieval import Answerability, assess_answerability, query_terms, search_index
from rag.retrieval.answerability import missing_terms
from rag.store import Index
from rag.types import Hit

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "question",
    [
        "What are the links between Trump and Putin?",
        "Why was Flynn fired?",
        "What did Mike Flynn ask of Ambassador Kislyak?",
        "How did the GRU hack the DNC?",
        "Give an overview of Papadopoulos and Mifsud.",
        "What is the role of Roger Stone in the WikiLeaks releases?",
        "What was the outcome of Michael Cohen's guilty pleas?",
    ],
)
def test_a_question_that_the_corpus_answers_is_not_refused(corpus_index: Index, question: str) -> None:
    assert assessed(corpus_index, question).enough


@pytest.mark.parametrize(
    "question",
    [
        "What is the boiling point of tungsten?",
        "How do plants make chlorophyll?",
        "Which car does Michael Cohen drive?",
        "What is Robert Mueller's salary?",
        "What did Angela Merkel say about the Steele dossier?",
        "How tall is Vladimir Putin?",
        "What did Melania Trump say about Putin?",
    ],
)
def test_a_question_on_a_subject_or_fact_that_the_corpus_lacks_is_refused(corpus_index: Index, question: str) -> None:
    assert not assessed(corpus_index, question).enough


def test_a_gap_names_the_terms_that_no_passage_has(corpus_index: Index) -> None:
    (gap,) = assessed(corpus_index, "What is Robert Mueller's salary?").gaps
    assert "“salary”" in gap


def test_without_hits_there_is_no_answer_and_the_gap_says_so() -> None:
    found = assess_answerability("Why was Flynn fired?", [], 0.0, load_encoder().word_vectors)
    assert (found.enough, found.gaps) == (False, ("Nothing in the corpus matches the question.",))


def assessed(index: Index, question: str) -> Answerability:
    hits = search_index(index, question, k=20)
    vectors = load_encoder().vectors([question, *(f"{hit.chunk.context}\n{hit.chunk.text}" for hit in hits[:8])])
    return assess_answerability(question, hits, float((vectors[1:] @ vectors[0]).max()), load_encoder().word_vectors)


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("How did the arms-control treaties end?", "The arms control treaties ended in 2019 and 2020."),
        ("What does the long-term lease cost?", "For the long term the lease of the shop cost 900 kroner a month."),
        ("Which file-system errors are retried?", "Errors of the file system are retried three times."),
        ("What did the follow-up visit show?", "Patients came for a visit; the follow up showed no change."),
    ],
)
def test_a_compound_is_there_in_another_spelling(question: str, passage: str) -> None:
    terms = [term for term in query_terms(question) if "-" in term]
    hits = [Hit(chunk=chunk("a.md", passage), rank=1, score=1.0)]

    def no_vectors(_: Sequence[str]) -> Any:
        pytest.fail("a term that is there needs no counterpart")

    assert missing_terms(question, terms, hits, no_vectors) == {}
