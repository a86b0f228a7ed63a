"""Runs the linear layers of a network in bf16 or int8; all other operations stay in fp32.

The linear layers take over 80 % of the time of an encoder. A row of the output depends on the same row of the input
only, so that a text has the same vector whatever else is in its batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from rag._internal.processor import Precision

NetworkT = TypeVar("NetworkT", bound=torch.nn.Module)

_SMALLEST_SCALE = 1e-9
"""Scale of a row of zeros, which has none."""


def with_precision(network: NetworkT, precision: Precision) -> NetworkT:
    """Return a copy of ``network`` with the linear layers of its first module in ``precision``; all else is shared.

    The first module is the transformer; pooling and what follows stay in fp32. For fp32, return ``network`` itself.
    """
    if precision == "fp32":
        return network
    layer = BFloat16Linear if precision == "bf16" else Int8Linear
    first, *_ = network._modules
    return _with_modules(network, {**network._modules, first: _convert(network._modules[first], layer)})


def _convert(
    module: torch.nn.Module | None, layer: Callable[[torch.nn.Linear], torch.nn.Module]
) -> torch.nn.Module | None:
    if module is None:
        return None
    if type(module) is torch.nn.Linear:  # a subclass may have another forward()
        return layer(module)
    return _with_modules(module, {name: _convert(child, layer) for name, child in module._modules.items()})


def _with_modules(network: NetworkT, modules: dict[str, torch.nn.Module | None]) -> NetworkT:
    """Return a shallow copy of ``network`` with other children."""
    copied = copy.copy(network)
    copied._modules = modules
    return copied


class BFloat16Linear(torch.nn.Module):
    """A linear layer that is multiplied in bfloat16.

    Its output is float32, but bfloat16 where it has more columns than the input: what follows is an activation and a
    layer that rounds to bfloat16 again, and both take less time without the conversion.
    """

    def __init__(self, source: torch.nn.Linear) -> None:
        super().__init__()
        self.weight = source.weight.detach().bfloat16()
        self.bias = None if source.bias is None else source.bias.detach().bfloat16()
        self.output_type = torch.bfloat16 if source.out_features > source.in_features else torch.float32

    def forward(self, states: Tensor) -> Tensor:
        """Map (…, inputs) to (…, outputs)."""
        return torch.nn.functional.linear(states.bfloat16(), self.weight, self.bias).to(self.output_type)


class Int8Linear(torch.nn.Module):
    """A linear layer that is multiplied in int8, with a scale for each row of the input and of the weights.

    The scales of the input are those of its largest values (dynamic quantisation by token, as in LLM.int8(),
    arXiv:2208.07339, without its fp16 columns).
    """

    def __init__(self, source: torch.nn.Linear) -> None:
        super().__init__()
        weight = source.weight.detach()
        scale = _row_scales(weight)
        self.weight = torch.round(weight / scale).to(torch.int8).t().contiguous()
        self.scale = scale.squeeze(1)
        self.bias = torch.zeros(len(weight)) if source.bias is None else source.bias.detach()

    def forward(self, states: Tensor) -> Tensor:
        """Map (…, inputs) to (…, outputs), float32."""
        rows = states.reshape(-1, states.shape[-1])
        scale = _row_scales(rows)
        product = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight)
        scaled = torch.addcmul(self.bias, product.float().mul_(self.scale), scale)
        return scaled.view(*states.shape[:-1], -1)


def _row_scales(rows: Tensor) -> Tensor:
    """Return what each row is divided by so that its largest absolute value is 127; shape (rows, 1)."""
    largest = torch.maximum(rows.amax(1, keepdim=True), rows.amin(1, keepdim=True).neg())
    return largest.div_(127).clamp_min_(_SMALLEST_SCALE)
