"""Which pairs of a search a chat model reads."""

from __future__ import annotations

from rag.verify.candidates import promising_pairs


def test_a_claim_with_few_pairs_keeps_them_all() -> None:
    assert promising_pairs([("a", ["x"]), ("b", ["x"]), ("a", ["y"])], [0.1, 0.2, 0.3], 2) == [0, 1, 2]


def test_of_many_pairs_the_best_scored_remain() -> None:
    pairs = [("a", ["x"]), ("a", ["y"]), ("a", ["z"]), ("b", ["x"])]
    assert promising_pairs(pairs, [0.1, 0.4, 0.3, 0.0], 2) == [1, 2, 3]


def test_the_pair_with_the_most_evidence_remains_whatever_its_score() -> None:
    pairs = [("a", ["x"]), ("a", ["y"]), ("a", ["x", "y", "z"])]
    assert promising_pairs(pairs, [0.1, 0.4, 0.0], 2) == [1, 2]
