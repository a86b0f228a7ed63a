"""The metrics of briefs against values computed by hand, and against reference implementations."""

from __future__ import annotations

import math
import re

import pytest

from rag.eval.metrics import citations
from rag.eval.metrics.citations import JudgedSentence
from rag.types import Support

STATED = JudgedSentence(support="full", alone=("full",), without=("none",))
JOINT = JudgedSentence(support="full", alone=("partial", "none"), without=("none", "partial"))
"""Two passages that support the sentence jointly but not alone."""
PADDED = JudgedSentence(support="full", alone=("full", "none"), without=("none", "full"))
"""One passage supports the sentence, the other is not needed."""
WRONG = JudgedSentence(support="none", alone=("none",), without=("none",))
PARTLY = JudgedSentence(support="partial", alone=("partial",), without=("none",))
UNCITED = JudgedSentence(support="none")
INVENTED = JudgedSentence(support="none", invalid=1)
UNJUDGED = JudgedSentence(support=None, alone=(None,), without=("none",))
ALL = [STATED, JOINT, PADDED, WRONG, PARTLY, UNCITED, INVENTED, UNJUDGED]


def test_recall_is_the_share_of_sentences_that_all_citations_support_jointly() -> None:
    assert citations.citation_recall(ALL) == 3 / 7


def test_precision_is_the_share_of_needed_citations() -> None:
    # 1 of STATED, 2 of JOINT (both are needed), 1 of 2 of PADDED; 8 citations with a verdict in all.
    assert citations.citation_precision(ALL) == 4 / 8


def test_f1_is_the_harmonic_mean_or_zero_if_one_of_them_is() -> None:
    recall, precision = 3 / 7, 4 / 8
    assert citations.citation_f1(ALL) == pytest.approx(2 * recall * precision / (recall + precision))
    assert citations.citation_f1([WRONG]) == 0


def test_partial_support_counts_half() -> None:
    assert citations.weighted_recall(ALL) == (3 + 0.5) / 7
    # Alone: STATED 1, JOINT ½ + 0, PADDED 1 + 0, WRONG 0, PARTLY ½, INVENTED 0.
    assert citations.weighted_precision(ALL) == 3 / 8


def test_uncited_sentences_and_invented_sources_stay_in_the_denominators() -> None:
    assert citations.uncited_rate(ALL) == 1 / 8
    assert citations.invalid_citation_rate(ALL) == 1 / 9
    assert citations.citation_precision([STATED, INVENTED]) == 1 / 2


def test_a_sentence_without_a_verdict_is_left_out() -> None:
    for metric in (citations.citation_recall, citations.citation_precision, citations.citation_f1,
                   citations.weighted_recall, citations.weighted_precision):  # fmt: skip
        assert metric([STATED, UNJUDGED]) == metric([STATED])
        assert metric([UNJUDGED]) is None
    assert citations.nugget_recall([True, None, False]) == 1 / 2
    assert citations.vital_recall([None], [True]) is None


@pytest.mark.parametrize(
    ("alone", "without", "expected"),
    [("full", None, 1.0), (None, "none", 1.0), (None, "full", None), ("partial", None, None), ("none", "full", 0.0)],
)
def test_a_citation_counts_only_if_the_judge_said_enough_to_tell(
    alone: Support | None, without: Support | None, expected: float | None
) -> None:
    assert (
        citations.citation_precision([JudgedSentence(support="full", alone=(alone,), without=(without,))]) == expected
    )


def test_a_metric_with_an_empty_denominator_is_unscored() -> None:
    assert citations.citation_recall([]) is None
    assert citations.citation_precision([UNCITED]) is None
    assert citations.invalid_citation_rate([UNCITED]) is None
    assert citations.nugget_recall([]) is None
    assert citations.vital_recall([True], [False]) is None
    assert citations.effective_citations([]) is None
    assert citations.redundancy(["three words only"]) is None
    assert citations.abstention_precision([False], [True]) is None


def test_nugget_recall_counts_all_or_only_vital_nuggets() -> None:
    stated, vital = [True, False, True, False], [True, True, False, False]
    assert citations.nugget_recall(stated) == 1 / 2
    assert citations.vital_recall(stated, vital) == 1 / 2
    assert citations.vital_recall([True, True, False], [True, True, False]) == 1


def test_evidence_recall_equals_the_recall_of_ir_measures() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    retrieved = [True, False, True, True]
    qrels = [ir_measures.Qrel("q", f"nugget{n}", 1) for n in range(4)]
    run = [ir_measures.ScoredDoc("q", f"nugget{n}", 1.0) for n, found in enumerate(retrieved) if found]
    assert (
        citations.evidence_recall(retrieved)
        == ir_measures.calc_aggregate([ir_measures.R @ 10], qrels, run)[ir_measures.R @ 10]
    )


def test_abstaining_is_correct_for_questions_without_an_answer() -> None:
    abstained, answerable = [True, True, False, False], [False, True, False, True]
    assert citations.abstention_precision(abstained, answerable) == 1 / 2
    assert citations.abstention_recall(abstained, answerable) == 1 / 2


def test_abstention_equals_precision_and_recall_of_scikit_learn() -> None:
    from sklearn.metrics import precision_score, recall_score

    abstained, answerable = [True, False, True, True, False], [False, False, True, False, True]
    unanswerable = [not has_answer for has_answer in answerable]
    assert citations.abstention_precision(abstained, answerable) == precision_score(unanswerable, abstained)
    assert citations.abstention_recall(abstained, answerable) == recall_score(unanswerable, abstained)


def test_redundancy_is_the_share_of_repeated_four_grams() -> None:
    assert citations.redundancy(["a b c d e", "v w x y z"]) == 0
    assert citations.redundancy(["a b c d e", "A b c d e"]) == 1 / 2


def test_effective_citations_is_the_exponential_of_the_entropy() -> None:
    assert citations.effective_citations(["a"] * 9) == 1
    assert citations.effective_citations(["a", "b", "c", "c", "b", "a"]) == pytest.approx(3)
    uneven = citations.effective_citations(["a", "a", "a", "b"])
    assert uneven == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))


@pytest.mark.parametrize("key", [key for key in citations.METRICS if key not in ("seconds", "tokens", "cost")])
def test_the_docstring_of_each_metric_names_its_paper(key: str) -> None:
    """A reader of a scorecard can look up the definition of each figure."""
    assert re.search(r"\b(19|20)\d\d\b", getattr(citations, key).__doc__)
