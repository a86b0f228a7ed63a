"""Whether the corpus can answer: what it answers is not refused, and what it lacks is told. Real corpus and encoder."""

from __future__ import annotations

import pytest

from rag.embedding import load_encoder
from rag.retrieval.answerability import assess
from rag.retrieval.rerank import rerank
from rag.store import Index


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
def test_what_the_corpus_answers_is_not_refused(corpus_index: Index, question: str) -> None:
    assert assessed(corpus_index, question)


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
def test_a_subject_or_a_fact_that_the_corpus_lacks_is_told(corpus_index: Index, question: str) -> None:
    assert not assessed(corpus_index, question)


def assessed(index: Index, question: str) -> bool:
    found = rerank(index, question, load_encoder().word_vectors, k=20)
    vectors = load_encoder().vectors([question, *(f"{hit.chunk.context}\n{hit.chunk.text}" for hit in found[:8])])
    return assess(question, found, float((vectors[1:] @ vectors[0]).max()), load_encoder().word_vectors).enough
