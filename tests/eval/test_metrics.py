"""The metrics against cases worked by hand, and a ranking measure against its reference."""

from __future__ import annotations

import math
import re

import pytest

from rag.eval.metrics import citations
from rag.eval.metrics.citations import Judged

STATED = Judged(together="full", alone=("full",), without=("none",))
JOINT = Judged(together="full", alone=("partial", "none"), without=("none", "partial"))
"""Two passages that state a sentence together, and neither alone."""
PADDED = Judged(together="full", alone=("full", "none"), without=("none", "full"))
"""One passage states it, the other is beside the point."""
WRONG = Judged(together="none", alone=("none",), without=("none",))
PARTLY = Judged(together="partial", alone=("partial",), without=("none",))
UNCITED = Judged(together="none")
INVENTED = Judged(together="none", invalid=1)
UNJUDGED = Judged(together=None, alone=(None,), without=("none",))
ALL = [STATED, JOINT, PADDED, WRONG, PARTLY, UNCITED, INVENTED, UNJUDGED]


def test_recall_counts_sentences_that_their_citations_state_together() -> None:
    assert citations.citation_recall(ALL) == 3 / 8


def test_precision_counts_citations_that_are_needed() -> None:
    # 1 of STATED, 2 of JOINT (neither alone, but neither spare), 1 of PADDED's 2; 9 citations in all.
    assert citations.citation_precision(ALL) == 4 / 9


def test_f1_is_the_harmonic_mean_and_0_where_either_is_0() -> None:
    recall, precision = 3 / 8, 4 / 9
    assert citations.citation_f1(ALL) == pytest.approx(2 * recall * precision / (recall + precision))
    assert citations.citation_f1([WRONG]) == 0


def test_partial_support_is_worth_half() -> None:
    assert citations.weighted_recall(ALL) == (3 + 0.5) / 8
    # alone: full 1, partial ½ and none, full 1 and none, none, partial ½; invented 0, unjudged 0.
    assert citations.weighted_precision(ALL) == 3 / 9


def test_what_is_uncited_or_invented_is_counted_and_never_dropped() -> None:
    assert citations.uncited_rate(ALL) == 1 / 8
    assert citations.invalid_citation_rate(ALL) == 1 / 9
    assert citations.citation_precision([STATED, INVENTED]) == 1 / 2


def test_a_judgement_that_failed_counts_as_no_support() -> None:
    assert citations.citation_recall([STATED, UNJUDGED]) == 1 / 2
    assert citations.weighted_precision([STATED, UNJUDGED]) == 1 / 2


def test_what_is_a_share_of_nothing_is_unscored_and_not_zero() -> None:
    assert citations.citation_recall([]) is None
    assert citations.citation_precision([UNCITED]) is None
    assert citations.invalid_citation_rate([UNCITED]) is None
    assert citations.nugget_recall([]) is None
    assert citations.vital_recall([True], [False]) is None
    assert citations.effective_citations([]) is None
    assert citations.redundancy(["three words only"]) is None
    assert citations.abstention_precision([False], [True]) is None


def test_nuggets() -> None:
    stated, vital = [True, False, True, False], [True, True, False, False]
    assert citations.nugget_recall(stated) == 1 / 2
    assert citations.vital_recall(stated, vital) == 1 / 2
    assert citations.vital_recall([True, True, False], [True, True, False]) == 1


def test_evidence_recall_is_the_recall_of_a_ranking() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    retrieved = [True, False, True, True]
    qrels = [ir_measures.Qrel("q", f"nugget{n}", 1) for n in range(4)]
    run = [ir_measures.ScoredDoc("q", f"nugget{n}", 1.0) for n, found in enumerate(retrieved) if found]
    assert (
        citations.evidence_recall(retrieved)
        == ir_measures.calc_aggregate([ir_measures.R @ 10], qrels, run)[ir_measures.R @ 10]
    )


def test_abstaining_is_right_where_there_is_no_answer() -> None:
    abstained, answerable = [True, True, False, False], [False, True, False, True]
    assert citations.abstention_precision(abstained, answerable) == 1 / 2
    assert citations.abstention_recall(abstained, answerable) == 1 / 2


def test_abstention_is_precision_and_recall_of_a_class() -> None:
    from sklearn.metrics import precision_score, recall_score

    abstained, answerable = [True, False, True, True, False], [False, False, True, False, True]
    hopeless = [not can for can in answerable]
    assert citations.abstention_precision(abstained, answerable) == precision_score(hopeless, abstained)
    assert citations.abstention_recall(abstained, answerable) == recall_score(hopeless, abstained)


def test_redundancy_is_the_share_of_four_word_runs_that_stood_before() -> None:
    assert citations.redundancy(["a b c d e", "v w x y z"]) == 0
    assert citations.redundancy(["a b c d e", "A b c d e"]) == 1 / 2


def test_effective_citations_count_documents_that_carry_weight() -> None:
    assert citations.effective_citations(["a"] * 9) == 1
    assert citations.effective_citations(["a", "b", "c", "c", "b", "a"]) == pytest.approx(3)
    uneven = citations.effective_citations(["a", "a", "a", "b"])
    assert uneven == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))


@pytest.mark.parametrize("key", [key for key in citations.KEYS if key not in ("seconds", "tokens", "cost")])
def test_every_metric_names_the_paper_that_it_comes_from(key: str) -> None:
    """A reader of a scorecard must be able to look up what a number means."""
    assert re.search(r"\b(19|20)\d\d\b", getattr(citations, key).__doc__)
