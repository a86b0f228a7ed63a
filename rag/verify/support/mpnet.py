"""The modules of MPNet under the names of ``transformers``, without importing it, which takes longer than loading them.

Song et al., 2020, "MPNet: Masked and Permuted Pre-training for Language Understanding". The forward pass is in
``rag/verify/support/network.py``; here are the parameters and the buckets of distances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_EPSILON = 1e-5
_BUCKETS, _MAX_DISTANCE = 32, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class MPNetSize:
    """The size of all-mpnet-base-v2 by default."""

    hidden_size: int = 768
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    layers: int = 12
    vocabulary: int = 30527
    positions: int = 514


class _Linear(nn.Linear):
    """A linear layer without values: on the device "meta", drawing random ones imports torch's compiler, 1.3 s."""

    def reset_parameters(self) -> None:
        """Leave the parameters to :meth:`load_state_dict`."""


class _Embedding(nn.Embedding):
    """An embedding without values, as :class:`_Linear` is."""

    def reset_parameters(self) -> None:
        """Leave the parameters to :meth:`load_state_dict`."""


class MPNetModules(nn.Module):
    """Embeddings and encoder of MPNet; ``config`` says their size."""

    def __init__(self, size: MPNetSize) -> None:
        """Make the modules. Their parameters have no values before they are loaded."""
        super().__init__()
        self.config = size
        self.embeddings = _Embeddings(size)
        self.encoder = _Encoder(size)


class _Embeddings(nn.Module):
    def __init__(self, size: MPNetSize) -> None:
        super().__init__()
        self.word_embeddings = _Embedding(size.vocabulary, size.hidden_size)
        self.position_embeddings = _Embedding(size.positions, size.hidden_size)
        self.LayerNorm = nn.LayerNorm(size.hidden_size, eps=_EPSILON)


class _Attention(nn.Module):
    def __init__(self, size: MPNetSize) -> None:
        super().__init__()
        self.attn = nn.ModuleDict({name: _Linear(size.hidden_size, size.hidden_size) for name in "qkvo"})
        self.LayerNorm = nn.LayerNorm(size.hidden_size, eps=_EPSILON)


class _Dense(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, norm: bool) -> None:
        super().__init__()
        self.dense = _Linear(inputs, outputs)
        if norm:
            self.LayerNorm = nn.LayerNorm(outputs, eps=_EPSILON)


class _Layer(nn.Module):
    def __init__(self, size: MPNetSize) -> None:
        super().__init__()
        self.attention = _Attention(size)
        self.intermediate = _Dense(size.hidden_size, size.intermediate_size, norm=False)
        self.output = _Dense(size.intermediate_size, size.hidden_size, norm=True)


class _Encoder(nn.Module):
    def __init__(self, size: MPNetSize) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(size) for _ in range(size.layers))
        self.relative_attention_bias = _Embedding(_BUCKETS, size.num_attention_heads)

    @staticmethod
    def relative_position_bucket(distances: Tensor) -> Tensor:
        """Return the bucket of each distance: exact ones for near tokens, by logarithm for far ones (as in T5)."""
        half = _BUCKETS // 2
        exact = half // 2
        away = distances.abs()
        scale = (half - exact) / math.log(_MAX_DISTANCE / exact)
        far = exact + (torch.log(away.clamp(min=1).float() / exact) * scale).long()
        near = torch.where(away < exact, away, far.clamp(max=half - 1))
        return near + (distances > 0) * half
