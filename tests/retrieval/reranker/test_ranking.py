"""The order of hits by log-odds and merged score."""

from __future__ import annotations

import pytest

from rag.retrieval.reranker import combined_scores


def order(log_odds: list[float], count: int, weight: float) -> list[int]:
    scores = combined_scores(log_odds, [1 - place / 10 for place in range(count)], weight)
    return sorted(range(count), key=lambda place: -scores[place])


def test_without_a_weight_the_log_odds_alone_decide() -> None:
    assert order([0.0, 2.0, 1.0], 3, 0.0) == [1, 2, 0]


def test_a_high_weight_keeps_the_hybrid_order() -> None:
    assert order([0.0, 2.0, 1.0], 3, 30.0) == [0, 1, 2]


@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
def test_hits_that_were_not_read_stay_behind_the_others_in_their_order(weight: float) -> None:
    assert order([-3.0, -1.0, -9.0], 6, weight)[-3:] == [3, 4, 5]


def test_without_hits_there_are_no_scores() -> None:
    assert combined_scores([], [], 1.0) == []
