"""One step of training in bfloat16, and a state from which the next step is the same as without a stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..master_copy import MasterCopy
from .hidden_cache import HiddenCache
from .losses import LossWeights, losses
from .packing import TrainingBatch, TrainingPack, collate_training

if TYPE_CHECKING:
    from torch import Tensor

    from rag.verify.support.network import SupportNetwork


class Trainer:
    """Trains the parameters that are not frozen.

    The embeddings, the bias by distance and the lowest ``frozen`` layers stay as in the base.
    """

    def __init__(self, network: SupportNetwork, weights: LossWeights, frozen: int, device: str) -> None:
        """Take ``network`` in float32; it is put on ``device`` in bfloat16."""
        freeze(network, frozen)
        self._copy = MasterCopy(network, device)
        self.network = network
        self._weights = weights
        self._device = device
        self._cache = HiddenCache(self.network, frozen)

    def step(self, packs: Sequence[TrainingPack], rate: float, *, recurring: bool = False) -> dict[str, float]:
        """Update the weights on a batch and return its losses by name, the ``accuracy`` of its claims and its ``size``.

        Args:
            packs: the batch.
            rate: learning rate.
            recurring: these packs come again, so what the frozen layers make of them is kept.
        """
        import torch

        batch = self._on_device(collate_training(packs))
        below = self._cache.layers
        if recurring:
            hidden = self._cache.hidden([pack.pack for pack in packs], batch.batch)
        else:
            with torch.no_grad():
                hidden = self.network.lower(batch.batch, below)
        support, unsupported = self.network.upper(batch.batch, hidden, below)
        found = losses(support, unsupported, batch)
        found.total(self._weights).backward()
        self._copy.update(rate)
        accuracy = ((support > 0) == (batch.labels > 0.5)).float().mean()
        parts = {"claims": found.claims, "ranking": found.ranking, "tokens": found.tokens, "accuracy": accuracy}
        named = {name: float(value.detach()) for name, value in parts.items() if value is not None}
        return named | {"size": batch.batch.ids.numel()}

    def _on_device(self, batch: TrainingBatch) -> TrainingBatch:
        network_batch = type(batch.batch)(*(part.to(self._device) for part in batch.batch))
        return TrainingBatch(network_batch, *(part.to(self._device) for part in batch[1:]))

    def parameters(self) -> dict[str, Tensor]:
        """Return the trained parameters in bfloat16."""
        return self._copy.parameters()

    def state(self) -> dict[str, Any]:
        """Return all that :meth:`restore` needs."""
        return self._copy.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        self._copy.restore(state)


def freeze(network: SupportNetwork, layers: int) -> None:
    """Exempt the embeddings, the bias by distance and the lowest ``layers`` layers of ``network`` from training."""
    frozen = [network.embeddings, network.encoder.relative_attention_bias, *network.encoder.layer[:layers]]
    for module in frozen:
        module.requires_grad_(False)
