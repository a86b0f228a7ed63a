"""Correlation clustering (Bansal, Blum & Chawla, 2004) with bounds on the sizes of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def balanced_clusters(similarity: NDArray[np.float32], groups: int) -> list[list[int]]:
    """Divide the rows of ``similarity`` into ``groups`` groups whose sizes differ by at most two.

    Maximises the sum of the similarities within groups, relative to the mean similarity, by moving and swapping rows
    until no change helps. Deterministic.
    """
    count = len(similarity)
    others = ~np.eye(count, dtype=bool)
    similarity = np.where(others, similarity - similarity[others].mean() if count > 1 else 0.0, 0.0)
    fewest, most = max(1, count // groups - 1), -(-count // groups) + 1
    labels = np.arange(count) % groups
    for _ in range(4 * count):
        to_group = np.stack([similarity[:, labels == g].sum(axis=1) for g in range(groups)], axis=1)
        own = to_group[np.arange(count), labels]
        sizes = np.bincount(labels, minlength=groups)
        best, change = 1e-6, None
        for i in range(count):
            for g in range(groups):
                if g != labels[i] and sizes[labels[i]] > fewest and sizes[g] < most and to_group[i, g] - own[i] > best:
                    best, change = to_group[i, g] - own[i], [(i, g)]
            for j in range(i):
                if labels[i] != labels[j]:
                    gain = to_group[i, labels[j]] + to_group[j, labels[i]] - own[i] - own[j] - 2 * similarity[i, j]
                    if gain > best:
                        best, change = gain, [(i, labels[j]), (j, labels[i])]
        if change is None:
            break
        for i, g in change:
            labels[i] = g
    return [[int(i) for i in np.flatnonzero(labels == g)] for g in range(groups)]
