"""The ways to merge that are compared."""

from __future__ import annotations

import numpy as np
import pytest

from rag._internal.ids import chunk_id
from rag.eval.training.retrieval.fusion import METHODS, Candidates, format_table, min_max
from rag.retrieval import combine_scores
from rag.types import Chunk


def candidates() -> Candidates:
    """Three chunks: one that both searches found, one of each alone."""
    chunks = [
        Chunk(id=chunk_id(name, 0, "text"), document_id=name, text="text", start=0, end=4)
        for name in ("both", "dense", "lexical")
    ]
    return Candidates(
        chunks=chunks,
        cosines=np.array([0.6, 0.7, 0.1]),
        bm25=np.array([5.0, 0.0, 9.0]),
        dense_ranks=np.array([2, 1, np.inf]),
        lexical_ranks=np.array([2, np.inf, 1]),
    )


def test_the_product_merges_as_the_chosen_method_does() -> None:
    found = candidates()
    merged = combine_scores(found.cosines.astype(np.float32), found.bm25.astype(np.float32))
    assert merged == pytest.approx(METHODS["min-max, 0.65"](found), abs=1e-6)


def test_rank_fusion_prefers_what_both_searches_found() -> None:
    assert int(np.argmax(METHODS["rank fusion, k 60"](candidates()))) == 0


@pytest.mark.parametrize(("method", "best"), [("dense", 1), ("bm25", 2)])
def test_a_single_search_keeps_its_order(method: str, best: int) -> None:
    assert int(np.argmax(METHODS[method](candidates()))) == best


def test_equal_scores_give_zeros_and_no_division_by_zero() -> None:
    found = candidates()
    flat = Candidates(
        chunks=found.chunks, cosines=np.full(3, 0.5), bm25=np.zeros(3), dense_ranks=found.dense_ranks,
        lexical_ranks=found.lexical_ranks,
    )  # fmt: skip
    assert list(min_max(0.5)(flat)) == [0, 0, 0]


def test_the_table_has_a_row_a_method_and_the_difference_over_all_queries() -> None:
    results = {
        "a": {method: [0.5, 0.5, 1.0 if method == "bm25" else 0.5] for method in METHODS},
        "b": {method: [0.25, 0.75] for method in METHODS},
    }
    header, _, *rows = format_table(results).splitlines()
    assert header.startswith("| method | a (3) | b (2) |")
    assert len(rows) == len(METHODS)
    bm25 = next(row for row in rows if row.startswith("| bm25 "))
    assert "| 0.6667 | 0.5000 | +0.1000 " in bm25
