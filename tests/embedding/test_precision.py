"""Vectors in bf16 and int8 are near those in fp32, and independent of the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rag._internal.processor import Precision
from rag.embedding.precision import BFloat16Linear, Int8Linear, with_precision

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
    assert with_precision(network, "fp32") is network


@pytest.mark.parametrize(("precision", "layer"), [("bf16", BFloat16Linear), ("int8", Int8Linear)])
def test_a_copy_has_other_linear_layers_in_its_first_module_and_shares_the_rest(
    network: torch.nn.Sequential, precision: Precision, layer: type[torch.nn.Module]
) -> None:
    converted = with_precision(network, precision)
    assert [type(each) for each in converted[0]] == [torch.nn.Embedding, layer, torch.nn.GELU, layer]
    assert type(network[0][1]) is torch.nn.Linear
    assert converted[0][0].weight is network[0][0].weight
    assert converted[1] is network[1]


@pytest.mark.parametrize(("precision", "error"), [("bf16", 0.01), ("int8", 0.02)])
def test_the_output_is_float32_and_near_that_in_fp32(
    network: torch.nn.Sequential, ids: torch.Tensor, precision: Precision, error: float
) -> None:
    with torch.inference_mode():
        expected, found = network(ids), with_precision(network, precision)(ids)
    assert found.dtype == torch.float32
    assert float((found - expected).norm() / expected.norm()) < error


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_other_rows_of_a_batch_change_a_row_by_rounding_only(
    network: torch.nn.Sequential, ids: torch.Tensor, precision: Precision
) -> None:
    converted = with_precision(network, precision)
    with torch.inference_mode():
        rows = [converted(row[None])[0].numpy() for row in ids]
        assert np.allclose(converted(ids).numpy(), np.stack(rows), atol=1e-6)  # the last layer, in fp32, may round


def test_a_row_of_zeros_gives_the_bias(network: torch.nn.Sequential) -> None:
    source = network[0][1]
    assert isinstance(source, torch.nn.Linear)
    with torch.inference_mode():
        assert torch.equal(Int8Linear(source)(torch.zeros(1, 64))[0], source.bias)
