"""Figures of rankings, and the weight of the merged score."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rag.eval.training.reranker.calibrate import by_collection, fit_calibration, mean_ndcg
from rag.eval.training.reranker.collection import FULL, HELD_OUT, NONE
from rag.eval.training.reranker.figures import (
    hybrid_scores,
    labelled_logits,
    left_out,
    model_scores,
    near_miss_logits,
    ranking_figures,
)
from rag.eval.training.reranker.mined import MinedQuery
from rag.eval.training.reranker.score import ScoredQuery


def scored(
    logits: list[float],
    relevant: dict[str, int],
    *,
    units: list[str] | None = None,
    labels: dict[str, float] | None = None,
    unknown: tuple[str, ...] = (),
) -> ScoredQuery:
    ids = [f"p{number}" for number in range(len(logits))]
    query = MinedQuery(
        id="q",
        collection="c",
        text="",
        split=HELD_OUT,
        candidates=tuple(ids),
        scores=tuple(1 - place / 10 for place in range(len(ids))),
        labels=labels or dict.fromkeys(relevant, FULL),
        unknown=unknown,
        relevant=relevant,
        by_document=units is not None,
    )
    known = dict(zip(ids, logits, strict=True))
    return ScoredQuery(
        query=query,
        units=tuple(units or ids),
        logits=tuple(logits),
        labelled={id_: known.get(id_, 0.0) for id_ in query.labels},
    )


def test_ndcg_is_that_of_the_reference_implementation() -> None:
    import ir_measures
    from ir_measures import RR, nDCG

    rng = np.random.default_rng(1)
    for _ in range(20):
        logits = rng.normal(size=15).tolist()
        relevant = {f"p{place}": int(rng.integers(1, 3)) for place in rng.integers(0, 18, size=3)}
        query = scored(logits, relevant)
        found = ranking_figures(query, logits)
        qrels = [ir_measures.Qrel("q", id_, grade) for id_, grade in relevant.items()]
        run = {"q": dict(zip(query.units, logits, strict=True))}
        expected = ir_measures.calc_aggregate([nDCG @ 10, RR @ 10], qrels, run)
        assert found.ndcg == pytest.approx(expected[nDCG @ 10])
        assert found.reciprocal_rank == pytest.approx(expected[RR @ 10])


def test_a_document_has_the_rank_of_its_best_chunk() -> None:
    query = scored([3.0, 2.0, 1.0], {"b": 1}, units=["a", "a", "b"], labels={})
    assert ranking_figures(query, hybrid_scores(query)).reciprocal_rank == 0.5
    assert ranking_figures(query, hybrid_scores(query)).ndcg == pytest.approx(1 / math.log2(3))


def test_the_weight_of_the_score_leads_from_the_model_to_the_hybrid_order() -> None:
    query = scored([0.0, 1.0], {"p1": 1})
    assert ranking_figures(query, model_scores(query, 1.0, 0.0)).ndcg == 1.0
    assert ranking_figures(query, model_scores(query, 1.0, 20.0)).ndcg < 1.0
    collections = {"one": [query, scored([0.0], {})], "other": [scored([0.0, 1.0], {"p0": 1})]}
    assert mean_ndcg(collections, 1.0, 0.0) == pytest.approx((1 + 1 / math.log2(3)) / 2)


def test_passages_that_may_be_relevant_are_not_counted() -> None:
    query = scored([2.0, 1.0, 0.0], {"p0": 1}, labels={"p0": FULL, "far": NONE}, unknown=("p1",))
    logits, labels = labelled_logits([query])
    assert sorted(zip(logits.tolist(), labels.tolist(), strict=True)) == [(0.0, False), (0.0, False), (2.0, True)]
    near_logits, near_labels = near_miss_logits([query])
    assert (near_logits.tolist(), near_labels.tolist()) == ([2.0, 0.0], [True, False])


def test_calibration_makes_relevance_even_where_classes_meet_and_needs_logits_that_rise() -> None:
    queries = [scored([4.0 + number % 3, 0.0, 1.0], {"p0": 1}) for number in range(6)]
    mixed = [scored([1.0, 4.0, 0.0], {"p0": 1})]
    collections = by_collection(queries + mixed)
    assert 0 < -fit_calibration(collections).shift / fit_calibration(collections).scale < 5
    with pytest.raises(ValueError, match="the weights are not trained"):
        fit_calibration(by_collection([scored([0.0, 3.0, 2.0 + number], {"p0": 1}) for number in range(4)]))


def test_a_threshold_that_keeps_a_share_leaves_out_what_lies_below() -> None:
    logits = np.array([5.0, 4.0, 3.0, 2.0, 2.5, 0.0, -1.0, -2.0])
    labels = np.array([True] * 4 + [False] * 4)
    assert left_out(logits, labels, 1.0) == (2.0, 0.75)
