"""Merging dense and lexical scores."""

from __future__ import annotations

import numpy as np
import pytest

from rag.retrieval import combine_scores


def scores(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_a_chunk_that_is_best_in_both_scores_1_and_one_that_is_last_in_both_0() -> None:
    best, middle, last = combine_scores(scores(0.8, 0.5, 0.2), scores(12, 3, 0))
    assert (best, last) == (pytest.approx(1), pytest.approx(0))
    assert 0.25 < middle < 0.5  # 0.5 of the range of the cosines, 0.25 of that of BM25


def test_by_how_much_a_chunk_is_better_counts() -> None:
    # The ranks are the same in both calls: the first chunk wins by the cosine, the second by BM25.
    close = combine_scores(scores(0.61, 0.60, 0.1), scores(1, 10, 0))
    far = combine_scores(scores(0.61, 0.20, 0.1), scores(9, 10, 0))
    assert close[1] > close[0]
    assert far[0] > far[1]


def test_the_range_of_an_embedders_cosines_does_not_matter() -> None:
    wide, narrow = scores(0.9, 0.5, 0.1), scores(0.79, 0.77, 0.75)
    bm25 = scores(1, 7, 3)
    assert combine_scores(wide, bm25) == pytest.approx(combine_scores(narrow, bm25), abs=1e-5)


def test_without_lexical_hits_the_cosines_decide_and_equal_cosines_do_not_count() -> None:
    assert list(np.argsort(-combine_scores(scores(0.2, 0.4, 0.3), scores(0, 0, 0)))) == [1, 2, 0]
    first, second = combine_scores(scores(0.4, 0.4), scores(1, 2))
    assert first == pytest.approx(second / 2)
