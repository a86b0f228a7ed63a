"""Batches of sequences of similar length."""

from __future__ import annotations

from rag._internal.length_batches import length_batches


def test_batches_hold_all_sequences_by_length_within_the_size() -> None:
    lengths = [5, 1, 9, 2, 2]
    found = list(length_batches(lengths, 6))
    assert found == [[1, 3, 4], [0], [2]]
    assert all(len(batch) * max(lengths[number] for number in batch) <= 6 or len(batch) == 1 for batch in found)


def test_an_order_chooses_what_is_yielded() -> None:
    assert list(length_batches([3, 3, 3], 6, order=[2, 0])) == [[2, 0]]
    assert list(length_batches([], 6)) == []
