"""Boosted trees as plain arrays: a few lines of numpy instead of a pickle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ARRAYS = ("feature", "threshold", "left", "right", "value")
"""The arrays of :class:`Trees`, as a model file names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Trees × nodes arrays, padded. A node sends x ≤ ``threshold`` to ``left``, the rest to ``right``; a leaf
    points at itself.

    The score of a row is ``start`` and the ``value`` of the leaf that it reaches in every tree, added up.
    """

    feature: npt.NDArray[np.int16]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: npt.NDArray[np.float32]
    start: float

    def score(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The logit of each row of ``x`` (n × features)."""
        rows, trees = np.arange(len(x))[:, None], np.arange(len(self.feature))[None, :]
        node = np.zeros((len(x), len(self.feature)), np.int16)
        while True:
            below = x[rows, self.feature[trees, node]] <= self.threshold[trees, node]
            after = np.where(below, self.left[trees, node], self.right[trees, node])
            if np.array_equal(after, node):
                return np.asarray(self.start + self.value[trees, node].sum(1), np.float32)
            node = after
