"""Log-odds and back."""

from __future__ import annotations

import numpy as np
import pytest

from rag._internal.log_odds import from_log_odds, log_odds


def test_log_odds_and_probabilities_are_inverse() -> None:
    probabilities = np.array([0.01, 0.5, 0.98])
    assert log_odds(0.5, least=1e-6) == 0
    assert from_log_odds(log_odds(probabilities, least=1e-6)) == pytest.approx(probabilities)


@pytest.mark.parametrize("least", [1e-6, 1e-4])
def test_certainty_counts_as_the_bound(least: float) -> None:
    found = from_log_odds(log_odds(np.array([0, 1], dtype=np.float32), least=least))
    assert found == pytest.approx([least, 1 - least])
