"""Vectors in bf16 are near those in fp32, and independent of the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rag.embedding.precision import BFloat16Linear, convert_linear_layers

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def network() -> torch.nn.Sequential:
    """A first module of an embedding and two linear layers, and a linear layer behind it; weights are random, fixed."""
    torch.manual_seed(7)
    first = (torch.nn.Embedding(100, 64), torch.nn.Linear(64, 96), torch.nn.GELU(), torch.nn.Linear(96, 32, bias=False))
    return torch.nn.Sequential(torch.nn.Sequential(*first), torch.nn.Linear(32, 48)).eval()


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(0, 100, (6, 9), generator=torch.Generator().manual_seed(7))


def test_fp32_is_the_network_itself(network: torch.nn.Sequential) -> None:
    assert convert_linear_layers(network, "fp32") is network


def test_a_copy_has_other_linear_layers_in_its_first_module_and_shares_the_rest(
    network: torch.nn.Sequential,
) -> None:
    converted = convert_linear_layers(network, "bf16")
    assert [type(each) for each in converted[0]] == [torch.nn.Embedding, BFloat16Linear, torch.nn.GELU, BFloat16Linear]
    assert type(network[0][1]) is torch.nn.Linear
    assert converted[0][0].weight is network[0][0].weight
    assert converted[1] is network[1]


def test_the_output_is_float32_and_near_that_in_fp32(network: torch.nn.Sequential, ids: torch.Tensor) -> None:
    with torch.inference_mode():
        expected, found = network(ids), convert_linear_layers(network, "bf16")(ids)
    assert found.dtype == torch.float32
    assert float((found - expected).norm() / expected.norm()) < 0.01


def test_other_rows_of_a_batch_change_a_row_by_rounding_only(network: torch.nn.Sequential, ids: torch.Tensor) -> None:
    converted = convert_linear_layers(network, "bf16")
    with torch.inference_mode():
        rows = [converted(row[None])[0].numpy() for row in ids]
        assert np.allclose(converted(ids).numpy(), np.stack(rows), atol=1e-6)  # the last layer, in fp32, may round
