"""Log-odds of probabilities, which logistic regressions add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def log_odds(probabilities: ArrayLike, *, least: float) -> NDArray[np.float64]:
    """Return the log-odds of ``probabilities``, each taken to be within ``least`` and 1 - ``least``.

    Those of 0 and 1 are infinite, and would outweigh all that is added to them.
    """
    bounded = np.clip(np.asarray(probabilities, dtype=np.float64), least, 1 - least)
    return np.log(bounded / (1 - bounded))


def from_log_odds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities that have the log-odds ``values``."""
    return 1 / (1 + np.exp(-values))
