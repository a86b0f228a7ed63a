"""Whether hits answer a question, from the probabilities of a model that reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from briefs import chunk
from numpy.typing import NDArray

from rag.config import load_settings
from rag.embedding import load_encoder
from rag.retrieval import (
    Answerability,
    AnswerScores,
    assess_answerability,
    likely_answers,
    order_by_answers,
    search_parts,
)
from rag.store import Index
from rag.text import words_of
from rag.types import Hit
from rag.verify.answers import load_answer_model

Scores = NDArray[np.float32]
TWO_PARTS = "Why did Oslo close the pier, and what did it cost?"


def hits_of(count: int) -> list[Hit]:
    hits = (chunk(f"d{number}", f"Passage {number} on the pier.") for number in range(count))
    return [Hit(chunk=each, rank=rank, score=1 / rank) for rank, each in enumerate(hits, 1)]


def scored(*rows: Sequence[float]) -> Callable[[Sequence[str], Sequence[str]], Scores]:
    """Return a model that gives passage n the n-th of the probabilities of each question, and 0 to others."""

    def score(questions: Sequence[str], passages: Sequence[str]) -> Scores:
        assert len(questions) == len(rows)
        numbers = [int(passage.split("Passage ")[1].split()[0]) for passage in passages]
        return np.array([[row[n] if n < len(row) else 0.0 for n in numbers] for row in rows], dtype=np.float32)

    return score


def same_words(texts: Sequence[str]) -> list[tuple[list[str], Scores]]:
    """Embed every word as the same vector, so that each term has a counterpart."""
    return [(words, np.ones((len(words), 1), dtype=np.float32)) for text in texts for words in [words_of(text.lower())]]


def test_a_question_is_refused_where_no_passage_answers_and_the_reader_learns_what_was_looked_for() -> None:
    found = assess_answerability("What did the pier cost?", hits_of(3), scored([0.1, 0.2, 0.15]), same_words)
    assert not found.enough
    looked_for, nearest = found.gaps
    assert "What did the pier cost?" in looked_for
    assert nearest.startswith("The nearest passages are from “")


def test_a_question_is_answered_where_one_passage_answers_however_far_down() -> None:
    hits = hits_of(12)
    assert assess_answerability("What did it cost?", hits, scored([0.0] * 11 + [0.9]), same_words).enough
    assert assess_answerability("What did it cost?", hits, scored([0.0] * 7 + [0.9]), same_words).gaps == ()


@pytest.mark.parametrize("whole", [0.6, 0.9])
def test_a_part_without_an_answer_becomes_a_gap_however_near_the_question_as_a_whole_is(whole: float) -> None:
    found = assess_answerability(TWO_PARTS, hits_of(2), scored([whole, 0.1], [0.9, 0.1], *[[0.1, 0.2]] * 2), same_words)
    assert found.enough
    assert found.gaps == ("The passages found do not answer: What did it cost?",)


def test_a_part_is_read_with_its_subject_and_without_it() -> None:
    """A passage that answers the first part is near the subject; the part's own words do not count it as an answer."""
    model = scored([0.5], [0.5], [0.9], [0.1])
    read = assess_answerability(TWO_PARTS, hits_of(1), model, same_words).scores
    assert read.questions[2] == ("Oslo close the pier: what did it cost?", "What did it cost?")
    assert next(iter(read.by_chunk.values())) == pytest.approx((0.5, 0.5, 0.5))


def test_a_name_without_a_counterpart_weighs_against_an_answer() -> None:
    def no_counterpart(texts: Sequence[str]) -> list[tuple[list[str], Scores]]:
        return [(words, np.zeros((len(words), 1), dtype=np.float32)) for words, _ in same_words(texts)]

    asked, scores = "How does the pier run on Kubernetes?", scored([0.6, 0.2])
    assert assess_answerability(asked, hits_of(2), scores, same_words).enough
    assert not assess_answerability(asked, hits_of(2), scores, no_counterpart).enough


def test_without_hits_there_is_no_answer_and_the_gap_says_so() -> None:
    found = assess_answerability("Why was Flynn fired?", [], scored([]), same_words)
    assert (found.enough, found.gaps) == (False, ("Nothing in the corpus matches the question.",))


def test_hits_are_ordered_by_whether_they_answer_and_those_off_the_question_are_no_evidence() -> None:
    hits = hits_of(16)
    found = assess_answerability("What did it cost?", hits, scored([0.5, 0.01, 0.9] + [0.3] * 13), same_words)
    ordered = order_by_answers(hits, found.scores)
    assert [hit.chunk.document_id for hit in ordered[:3]] == ["d2", "d0", "d3"]
    assert [hit.chunk.document_id for hit in ordered[-2:]] == ["d14", "d15"], "those that were not read come last"
    assert "d1" not in {hit.chunk.document_id for hit in ordered}
    assert [hit.rank for hit in ordered] == list(range(1, 16))
    assert len(order_by_answers(hits, found.scores, only_evidence=False)) == 16


def test_a_large_model_does_not_read_what_hardly_answers_beyond_the_first_passages() -> None:
    hits = hits_of(45)
    rows = {hit.chunk.id: (0.1,) for hit in hits} | {"unread": (0.9,), hits[41].chunk.id: (0.2, 0.5)}
    del rows[hits[43].chunk.id]
    scores = AnswerScores(questions=(("What did it cost?",), ("Who paid?",)), by_chunk=rows)
    assert likely_answers(hits, scores) == [*hits[:40], hits[41], hits[43]]
    assert likely_answers(hits, scores, {hits[42].chunk.id}) == [*hits[:40], *hits[41:44]]


def assessed(index: Index, question: str) -> Answerability:
    model = load_answer_model(load_settings())
    return assess_answerability(
        question, search_parts(index, question, k=20), model.probabilities, load_encoder().word_vectors
    )


@pytest.mark.integration
@pytest.mark.parametrize(
    "question",
    [
        "What are the links between Trump and Putin?",
        "What did Mike Flynn ask of Ambassador Kislyak?",
        "How did the GRU hack the DNC?",
        "What was the outcome of Michael Cohen's guilty pleas?",
    ],
)
def test_a_question_that_the_corpus_answers_is_not_refused(corpus_index: Index, question: str) -> None:
    assert assessed(corpus_index, question).enough


@pytest.mark.integration
def test_a_part_on_another_subject_is_answered_by_the_passage_on_it(corpus_index: Index) -> None:
    """With the subject of the first part alone the passage on the French attempt had three times the probability."""
    french = "Why did the French attempt to build a canal in Panama fail"
    question = f"{french}, and how did the Americans keep their workers alive?"
    found = assessed(corpus_index, question)
    on_disease = [hit for hit in search_parts(corpus_index, question, k=20) if "Gorgas" in hit.chunk.text]
    assert max(found.scores.by_chunk[hit.chunk.id][2] for hit in on_disease) > 0.35


@pytest.mark.integration
@pytest.mark.parametrize(
    "question",
    [
        "What is the boiling point of tungsten?",
        "How do plants make chlorophyll?",
        "Which car does Michael Cohen drive?",
        "What is Robert Mueller's salary?",
    ],
)
def test_a_question_on_a_subject_or_fact_that_the_corpus_lacks_is_refused(corpus_index: Index, question: str) -> None:
    assert not assessed(corpus_index, question).enough
