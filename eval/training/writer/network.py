"""Qwen2 with low-rank adapters (LoRA; Hu et al., 2021) on its upper layers, made for training on a CPU.

- The base is frozen and in bfloat16; only the adapters, in float32, get gradients.
- The lower layers have no adapters, so that no gradient passes through them; their output is a constant of an example.
- The examples of a batch share their system prompt, which is computed once: each attends to it and to itself.
- Logits exist only where a token of a reply is predicted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from .base import Shape

if TYPE_CHECKING:
    from torch.autograd.function import FunctionCtx

ADAPTED = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""The matrices of a layer that get an adapter, by their names in GGUF."""

LOSS_ROWS = 256
"""Predicted tokens whose logits exist at a time: 150 MB in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraShape:
    """Which layers have adapters, and their size. What an adapter adds is scaled by ``alpha / rank``."""

    first_layer: int
    rank: int
    alpha: float

    @property
    def scale(self) -> float:
        """Factor of what an adapter adds."""
        return self.alpha / self.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Token states of a batch: the common prefix, then the examples, one behind the other.

    ``lengths`` are the tokens of the prefix and of each example; together the rows of the states.
    """

    lengths: tuple[int, ...]

    def positions(self) -> Tensor:
        """Return the position of each token; every example follows on the prefix."""
        prefix = self.lengths[0]
        return torch.cat([torch.arange(prefix), *(torch.arange(prefix, prefix + n) for n in self.lengths[1:])])


class WriterNetwork(nn.Module):
    """The network. ``weights`` are the base's tensors by their names in GGUF; they are used up."""

    def __init__(self, weights: dict[str, Tensor], shape: Shape, lora: LoraShape) -> None:
        super().__init__()
        self.shape, self.lora = shape, lora
        self._embedding = weights.pop("token_embd.weight")
        self._head = weights.pop("output.weight", self._embedding)
        self._norm = weights.pop("output_norm.weight")
        self.layers = nn.ModuleList(
            _Layer(_of_layer(weights, layer), shape, lora if layer >= lora.first_layer else None)
            for layer in range(shape.layers)
        )

    def lower(self, tokens: Tensor, packed: Packed) -> Tensor:
        """Return the states below the first layer with adapters, without gradients. Shape: tokens × width."""
        with torch.no_grad():
            return self._through(self._embedding[tokens], packed, range(self.lora.first_layer))

    def upper(self, states: Tensor, packed: Packed) -> Tensor:
        """Return the last states of ``states`` from :meth:`lower`, normed."""
        states = self._through(states, packed, range(self.lora.first_layer, self.shape.layers))
        return _rms_norm(states, self._norm, self.shape.epsilon)

    def loss(self, states: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of ``targets`` behind ``states`` from :meth:`upper`."""
        return _HeadLoss.apply(states, self._head, targets)  # type: ignore[no-untyped-call]

    def logits(self, states: Tensor) -> Tensor:
        """Return the logits of the next token for each of ``states`` from :meth:`upper`."""
        return (states @ self._head.T).float()

    def _through(self, states: Tensor, packed: Packed, layers: range) -> Tensor:
        rotation = _rotation(packed.positions(), self.shape)
        for layer in layers:
            states = self.layers[layer](states, packed, rotation)
        return states


class _Layer(nn.Module):
    def __init__(self, weights: Mapping[str, Tensor], shape: Shape, lora: LoraShape | None) -> None:
        super().__init__()
        self._shape = shape
        self._norms = {name: weights[f"{name}.weight"] for name in ("attn_norm", "ffn_norm")}
        self.linear = nn.ModuleDict(
            {name: _Linear(weights[f"{name}.weight"], weights.get(f"{name}.bias"), lora) for name in ADAPTED}
        )

    def forward(self, states: Tensor, packed: Packed, rotation: tuple[Tensor, Tensor]) -> Tensor:
        normed = _rms_norm(states, self._norms["attn_norm"], self._shape.epsilon)
        queries, keys, values = (
            self.linear[name](normed).unflatten(-1, (-1, self._shape.head_width))
            for name in ("attn_q", "attn_k", "attn_v")
        )
        attended = _attention(_rotate(queries, rotation), _rotate(keys, rotation), values, packed.lengths)
        states = states + self.linear["attn_output"](attended)
        normed = _rms_norm(states, self._norms["ffn_norm"], self._shape.epsilon)
        inner = F.silu(self.linear["ffn_gate"](normed)) * self.linear["ffn_up"](normed)
        return states + self.linear["ffn_down"](inner)


class _Linear(nn.Module):
    """A frozen linear map and, with ``lora``, an adapter: ``a`` (rank × inputs) and ``b`` (outputs × rank)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, lora: LoraShape | None) -> None:
        super().__init__()
        self._transposed = weight.T.contiguous()  # `x @ w` is twice as fast as `x @ w.T` in bfloat16 on AMX
        self._weight = weight if lora else None
        self._bias = bias
        self._scale = lora.scale if lora else 0.0
        if lora:
            outputs, inputs = weight.shape
            self.a = nn.Parameter(torch.empty(lora.rank, inputs))
            self.b = nn.Parameter(torch.zeros(outputs, lora.rank))
            nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, inputs: Tensor) -> Tensor:
        if self._weight is None:
            outputs = inputs @ self._transposed
        else:
            a, b = self.a.to(inputs.dtype), self.b.to(inputs.dtype) * self._scale
            outputs = _AdaptedProduct.apply(inputs, self._transposed, self._weight, a, b)  # type: ignore[no-untyped-call]
        return outputs if self._bias is None else outputs + self._bias


class _AdaptedProduct(torch.autograd.Function):
    """``inputs @ (weight + b @ a).T`` with a frozen ``weight``.

    It adds in place and has the weight in both layouts: memory, not arithmetic, is what a CPU has too little of.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, transposed: Tensor, weight: Tensor, a: Tensor, b: Tensor) -> Tensor:
        down = inputs @ a.T
        ctx.save_for_backward(inputs, down, weight, a, b)
        return (inputs @ transposed).addmm_(down, b.T)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None, Tensor, Tensor]:
        inputs, down, weight, a, b = ctx.saved_tensors  # type: ignore[attr-defined]
        inner = gradient @ b
        return (gradient @ weight).addmm_(inner, a), None, None, inner.T @ inputs, gradient.T @ down


class _HeadLoss(torch.autograd.Function):
    """Mean cross-entropy behind the frozen head. The gradient is computed at once, so that no logits are kept."""

    @staticmethod
    def forward(ctx: FunctionCtx, states: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros(())
        gradients = []
        for rows, wanted in zip(states.split(LOSS_ROWS), targets.split(LOSS_ROWS), strict=True):
            logs = F.log_softmax((rows @ head.T).float(), dim=-1)
            total += F.nll_loss(logs, wanted, reduction="sum")
            slope = logs.exp_()
            slope[torch.arange(len(wanted)), wanted] -= 1
            gradients.append((slope / len(targets)).to(states.dtype) @ head)
        ctx.save_for_backward(torch.cat(gradients))
        return total / len(targets)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (slopes,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return slopes * gradient.to(slopes.dtype), None, None


def _attention(queries: Tensor, keys: Tensor, values: Tensor, lengths: Sequence[int]) -> Tensor:
    """Causal attention of each example over the prefix and itself. Shapes: tokens × heads × head width."""
    groups = queries.shape[1] // keys.shape[1]
    queries, keys, values = (each.transpose(0, 1) for each in (queries, keys, values))
    keys, values = keys.repeat_interleave(groups, 0), values.repeat_interleave(groups, 0)
    parts = [each.split(list(lengths), dim=1) for each in (queries, keys, values)]
    prefix = lengths[0]
    found = []
    for number, (query, key, value) in enumerate(zip(*parts, strict=True)):
        if number:
            key = torch.cat([parts[1][0], key], dim=1)  # noqa: PLW2901
            value = torch.cat([parts[2][0], value], dim=1)  # noqa: PLW2901
        mask = torch.full((query.shape[1], key.shape[1]), -math.inf, dtype=query.dtype).triu(1 + prefix * bool(number))
        scores = torch.baddbmm(mask, query, key.transpose(1, 2), alpha=query.shape[2] ** -0.5)
        found.append(scores.softmax(-1) @ value)  # a third of the time of PyTorch's fused attention on a CPU
    return torch.cat(found, dim=1).transpose(0, 1).flatten(1)


def _rotation(positions: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of rotary position embedding (Su et al., 2021). Shapes: tokens × 1 × head width / 2."""
    half = shape.head_width // 2
    frequencies = shape.rope_base ** (-torch.arange(half).float() / half)
    angles = positions.float()[:, None, None] * frequencies
    return angles.cos().to(torch.bfloat16), angles.sin().to(torch.bfloat16)


def _rotate(states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cosine, sine = rotation
    first, second = states.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)


def _rms_norm(states: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    wide = states.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon)).to(states.dtype) * weight


def _of_layer(weights: dict[str, Tensor], layer: int) -> dict[str, Tensor]:
    prefix = f"blk.{layer}."
    return {name.removeprefix(prefix): weights.pop(name) for name in list(weights) if name.startswith(prefix)}
