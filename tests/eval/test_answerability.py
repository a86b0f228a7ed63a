"""Figures of answered and refused questions, and the suite that ships."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rag.eval.metrics.answerability import AssessedCase, answerability_report, format_answerability
from rag.eval.runner.answerability_cases import AnswerabilityCase, read_answerability_cases

SUITE = Path(__file__).parents[2] / "eval" / "cases" / "answerability.jsonl"


def assessed(id_: str, *, answerable: bool, answered: bool, collection: str = "minutes") -> AssessedCase:
    case = AnswerabilityCase(id=id_, question=f"What is {id_}?", collection=collection, answerable=answerable)
    return AssessedCase(case=case, answered=answered, best=0.25)


def test_the_balanced_figure_is_the_mean_of_answers_given_and_of_refusals() -> None:
    results = [
        assessed("a", answerable=True, answered=True),
        assessed("b", answerable=True, answered=True),
        assessed("c", answerable=False, answered=True),
        assessed("d", answerable=False, answered=False),
    ]
    report = answerability_report(results)
    assert report["collections"]["minutes"] == {"questions": 4, "answered": 1.0, "refused": 0.5, "balanced": 0.75}
    text = format_answerability(report)
    assert "answered (0.25): c: What is c?" in text
    assert "b:" not in text


def test_a_collection_without_near_misses_has_no_figure_for_them() -> None:
    report = answerability_report(
        [assessed("a", answerable=True, answered=True), assessed("b", answerable=True, answered=True, collection="x")]
    )
    assert report["collections"]["x"] == {"questions": 1, "answered": 1.0, "refused": None, "balanced": 1.0}
    assert set(report["collections"]) == {"minutes", "x", "all"}


def test_half_of_the_questions_of_each_collection_of_the_suite_have_no_answer() -> None:
    cases = read_answerability_cases(SUITE)
    counts = Counter((case.collection, case.answerable) for case in cases)
    assert len({case.id for case in cases}) == len(cases) == 84
    assert set(counts.values()) == {7}
