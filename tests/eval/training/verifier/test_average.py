"""The mean of trained parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.training.parameters import load_parameters, parameter_layers, save_parameters
from rag.eval.training.verifier.average import average

pytestmark = pytest.mark.integration  # loads torch


def test_the_mean_keeps_type_and_count_of_layers(tmp_path: Path) -> None:
    import torch

    for name, value in (("first", 1.0), ("second", 2.0)):
        save_parameters({"matrix": torch.full((2, 3), value, dtype=torch.bfloat16)}, tmp_path / name, layers=6)

    average([tmp_path / "first", tmp_path / "second"], tmp_path / "mean")

    mean = load_parameters(tmp_path / "mean")["matrix"]
    assert (mean.dtype, mean.tolist()) == (torch.bfloat16, [[1.5] * 3] * 2)
    assert parameter_layers(tmp_path / "mean") == 6


def test_parameters_of_different_networks_are_an_error_that_names_file_and_parameter(tmp_path: Path) -> None:
    import torch

    save_parameters({"matrix": torch.zeros(2)}, tmp_path / "first")
    save_parameters({"matrix": torch.zeros(2), "vector": torch.zeros(2)}, tmp_path / "second")

    with pytest.raises(ValueError, match=r"second: vector is in this file or in .*first only"):
        average([tmp_path / "first", tmp_path / "second"], tmp_path / "mean")

    assert not (tmp_path / "mean").exists()
