"""The network of the packaged verifier: MPNet that reads one evidence and several claims in one sequence.

A cross-encoder reads a claim together with its evidence. Claims on the same evidence share its cost here: the evidence
stands once, the claims follow it. A token of the evidence attends to the evidence, a token of a claim to the evidence
and to its own claim, and the positions of each claim continue those of the evidence. So a claim's score does not depend
on the other claims of its pack.

The encoder is MPNet (Song et al., 2020, "MPNet: Masked and Permuted Pre-training for Language Understanding") with the
modules of ``transformers`` or those of ``rag/verify/support/mpnet.py``; the loop over the layers is ours, since theirs
knows no such mask and takes positions from the order of the tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.verify.support.mpnet import MPNetModules, MPNetSize

if TYPE_CHECKING:
    from transformers import MPNetModel

BOS, PAD, EOS = 0, 1, 2
"""Token ids of MPNet's ``<s>``, ``<pad>`` and ``</s>``; evidence and each claim stand between ``<s>`` and ``</s>``."""

EVIDENCE = 0
"""The segment of the evidence; the claims of a pack have the segments 1, 2, …, and padding has -1."""

MAX_POSITION = 511
"""The last position that MPNet has an embedding for."""

_POSITION_OFFSET = 2
_BLOCKED = -1e4


@dataclass(frozen=True, slots=True)
class Pack:
    """The token ids of one evidence and of the claims on it, without special tokens."""

    evidence: Sequence[int]
    claims: Sequence[Sequence[int]]

    @property
    def length(self) -> int:
        """Count of tokens in the sequence, special tokens included."""
        return len(self.evidence) + 2 + sum(len(claim) + 2 for claim in self.claims)


class Batch(NamedTuple):
    """Packs as tensors: B sequences of L tokens with C claims in all, in the order of the packs."""

    ids: Tensor
    """B × L token ids."""
    positions: Tensor
    """B × L positions, from 0."""
    segments: Tensor
    """B × L segments: see :data:`EVIDENCE`."""
    rows: Tensor
    """C: the sequence of each claim."""
    starts: Tensor
    """C: the place of each claim's ``<s>`` in its sequence."""


def collate(packs: Sequence[Pack]) -> Batch:
    """Return ``packs`` as one batch, padded to the longest."""
    shape = (len(packs), max(pack.length for pack in packs))
    ids = torch.full(shape, PAD)
    positions = torch.zeros(shape, dtype=torch.long)
    segments = torch.full(shape, -1)
    rows: list[int] = []
    starts: list[int] = []
    for row, pack in enumerate(packs):
        after_evidence = len(pack.evidence) + 2
        at = 0
        for segment, tokens in enumerate((pack.evidence, *pack.claims)):
            size = len(tokens) + 2
            first = 0 if segment == EVIDENCE else after_evidence
            ids[row, at : at + size] = torch.tensor([BOS, *tokens, EOS])
            positions[row, at : at + size] = torch.arange(first, first + size).clamp(max=MAX_POSITION)
            segments[row, at : at + size] = segment
            if segment != EVIDENCE:
                rows.append(row)
                starts.append(at)
            at += size
    return Batch(ids, positions, segments, torch.tensor(rows), torch.tensor(starts))


class SupportNetwork(nn.Module):
    """MPNet with two heads: does the evidence support the claim, and which tokens of the claim does it not support."""

    def __init__(self, base: MPNetModel | MPNetModules) -> None:
        """Take the embeddings and layers of ``base``; the heads are new."""
        super().__init__()
        config = base.config
        self.heads: int = config.num_attention_heads
        self.embeddings: Any = base.embeddings
        self.encoder: Any = base.encoder
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.support = nn.Linear(config.hidden_size, 1)
        self.unsupported = nn.Linear(config.hidden_size, 1)
        for head in (self.dense, self.support, self.unsupported):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        self.register_buffer("buckets", self._distance_buckets(), persistent=False)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> SupportNetwork:
        """Return the network of all-mpnet-base-v2's size with the parameters ``state``, which are not copied."""
        with torch.device("meta"):  # takes no memory
            base = MPNetModules(MPNetSize())
        network = cls(base)
        network.load_state_dict(state, assign=True)
        return network.eval()

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return C logits of support, one a claim, and B × L logits of being unsupported, one a token."""
        return self.upper(batch, self._embedded(batch), 0)

    def support_logits(self, batch: Batch) -> Tensor:
        """Return C logits of support, as :meth:`forward` does, without those of the tokens.

        The head reads each claim's ``<s>`` alone, so the last layer computes no other token: 7 % less work.
        """
        *layers, last = self.encoder.layer
        hidden = self._embedded(batch)
        mask = self._mask(batch, hidden.dtype)
        hidden = self._through(layers, hidden, mask)
        attention = last.attention.attn
        key, value = (self._by_head(project(hidden))[batch.rows] for project in (attention.k, attention.v))
        of_openings = mask[batch.rows, :, batch.starts][:, :, None]
        opening = self._above(last, hidden[batch.rows, batch.starts][:, None], key, value, of_openings)
        return self._supported(opening[:, 0])

    def lower(self, batch: Batch, layers: int) -> Tensor:
        """Return the B × L × H hidden states above the embeddings and the first ``layers`` layers."""
        hidden = self._embedded(batch)
        return self._through(self.encoder.layer[:layers], hidden, self._mask(batch, hidden.dtype)) if layers else hidden

    def upper(self, batch: Batch, hidden: Tensor, layers: int) -> tuple[Tensor, Tensor]:
        """Return what :meth:`forward` does, from the hidden states of :meth:`lower` with the same ``layers``."""
        hidden = self._through(self.encoder.layer[layers:], hidden, self._mask(batch, hidden.dtype))
        return self._supported(hidden[batch.rows, batch.starts]), self.unsupported(hidden)[..., 0].float()

    def _embedded(self, batch: Batch) -> Tensor:
        """Return the B × L × H embeddings."""
        embedded = self.embeddings.word_embeddings(batch.ids)
        embedded = embedded + self.embeddings.position_embeddings(batch.positions + _POSITION_OFFSET)
        normed: Tensor = self.embeddings.LayerNorm(embedded)
        return normed

    def _supported(self, opening: Tensor) -> Tensor:
        """Return C logits of support from the C × H states of the claims' ``<s>``."""
        logits: Tensor = self.support(torch.tanh(self.dense(opening)))[:, 0]
        return logits.float()

    def _through(self, layers: Sequence[Any], hidden: Tensor, mask: Tensor) -> Tensor:
        """Return the B × L × H hidden states above ``layers``."""
        for layer in layers:
            attention = layer.attention.attn
            key, value = (self._by_head(project(hidden)) for project in (attention.k, attention.v))
            hidden = self._above(layer, hidden, key, value, mask)
        return hidden

    def _above(self, layer: Any, hidden: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Return the states above ``layer`` of tokens that attend to ``key`` and ``value``."""
        attention = layer.attention
        query = self._by_head(attention.attn.q(hidden))
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended = attention.attn.o(context.transpose(1, 2).reshape(hidden.shape))
        hidden = attention.LayerNorm(attended + hidden)
        wide = functional.gelu(layer.intermediate.dense(hidden))
        above: Tensor = layer.output.LayerNorm(layer.output.dense(wide) + hidden)
        return above

    def _by_head(self, states: Tensor) -> Tensor:
        """Return B × L × H states as B × heads × L × H / heads."""
        return states.view(*states.shape[:2], self.heads, -1).transpose(1, 2)

    def _distance_buckets(self) -> Tensor:
        """Return MPNet's bucket of each distance from ``-MAX_POSITION`` to ``MAX_POSITION``."""
        distances = torch.arange(-MAX_POSITION, MAX_POSITION + 1)
        buckets: Tensor = self.encoder.relative_position_bucket(distances)
        return buckets

    def _mask(self, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Return B × heads × L × L: MPNet's bias by distance, and a large negative number where none may attend."""
        distance = batch.positions[:, None, :] - batch.positions[:, :, None] + MAX_POSITION
        bias: Tensor = self.encoder.relative_attention_bias(self.buckets)[distance].permute(0, 3, 1, 2)
        segments = batch.segments
        open_to = (segments[:, None, :] == EVIDENCE) | (segments[:, None, :] == segments[:, :, None])
        return bias.masked_fill(~open_to[:, None], _BLOCKED).to(dtype)
