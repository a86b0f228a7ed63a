"""The calibration of the packaged encoder in int8 has ranges and corrections of each linear layer."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file

from rag.embedding.minilm_int8 import CALIBRATION
from rag.eval.training.encoder.calibrate import calibrate

pytestmark = pytest.mark.integration


def test_a_calibration_has_the_tensors_of_the_packaged_one() -> None:
    made, packaged = calibrate(["A short text.", "Another text, which is longer."], 1), load_file(CALIBRATION)
    assert {name: made[name].shape for name in made} == {name: packaged[name].shape for name in packaged}
    assert all(bool((made[name] <= made[name.replace(".low", ".high")]).all()) for name in made if name.endswith("low"))
