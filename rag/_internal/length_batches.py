"""Batches of sequences of similar length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def length_batches(lengths: Sequence[int], tokens: int, order: Sequence[int] | None = None) -> Iterator[list[int]]:
    """Yield the numbers of sequences by length, in batches of at most ``tokens`` tokens, padding included.

    Args:
        lengths: the length of each sequence.
        tokens: the size of a batch; a longer sequence is a batch of its own.
        order: the numbers to yield, all by default; of equal lengths the first in ``order`` come first.
    """
    batch: list[int] = []
    for number in sorted(range(len(lengths)) if order is None else order, key=lambda at: lengths[at]):
        if batch and (len(batch) + 1) * lengths[number] > tokens:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
