"""One step of training in bfloat16, and checkpoints from which the next step is the same as without a stop.

The network's weights and gradients are in bfloat16, which processors with AMX and GPUs compute fastest. AdamW updates a
copy in float32, from which the weights are rounded after each step (Micikevicius et al., 2018, "Mixed Precision
Training"): a step is often smaller than what bfloat16 can add.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .hidden_cache import HiddenCache
from .losses import LossWeights, losses
from .packing import TrainingBatch, TrainingPack, collate_training

if TYPE_CHECKING:
    from torch import Tensor

    from rag.verify.support.network import SupportNetwork

WEIGHT_DECAY = 0.01
LARGEST_GRADIENT = 1.0
"""Norm to which the gradient is clipped."""


class Trainer:
    """Trains the parameters that are not frozen.

    The embeddings, the bias by distance and the lowest ``frozen`` layers stay as in the base.
    """

    def __init__(self, network: SupportNetwork, weights: LossWeights, frozen: int, device: str) -> None:
        """Take ``network`` in float32; it is put on ``device`` in bfloat16."""
        import torch

        freeze(network, frozen)
        network.to(device)
        self.master: dict[str, Tensor] = {
            name: parameter.detach().clone().float()
            for name, parameter in network.named_parameters()
            if parameter.requires_grad
        }
        self.network = network.to(torch.bfloat16).train()
        self._weights = weights
        self._device = device
        self._trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
        self._optimiser = torch.optim.AdamW(self.master.values(), weight_decay=WEIGHT_DECAY, fused=True)
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
        for name, parameter in self._trained.items():
            self.master[name].grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(self.master.values(), LARGEST_GRADIENT)
        self._optimiser.step()
        self._round()
        accuracy = ((support > 0) == (batch.labels > 0.5)).float().mean()
        parts = {"claims": found.claims, "ranking": found.ranking, "tokens": found.tokens, "accuracy": accuracy}
        named = {name: float(value.detach()) for name, value in parts.items() if value is not None}
        return named | {"size": batch.batch.ids.numel()}

    def _on_device(self, batch: TrainingBatch) -> TrainingBatch:
        network_batch = type(batch.batch)(*(part.to(self._device) for part in batch.batch))
        return TrainingBatch(network_batch, *(part.to(self._device) for part in batch[1:]))

    def _round(self) -> None:
        import torch

        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(self.master[name])

    def parameters(self) -> dict[str, Tensor]:
        """Return the trained parameters in bfloat16."""
        return {name: parameter.detach() for name, parameter in self._trained.items()}

    def state(self) -> dict[str, Any]:
        """Return all that :meth:`restore` needs."""
        import torch

        return {
            "master": self.master,
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        import torch

        with torch.no_grad():
            for name, value in state["master"].items():
                self.master[name].copy_(value)
        self._optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        self._round()


def freeze(network: SupportNetwork, layers: int) -> None:
    """Exempt the embeddings, the bias by distance and the lowest ``layers`` layers of ``network`` from training."""
    frozen = [network.embeddings, network.encoder.relative_attention_bias, *network.encoder.layer[:layers]]
    for module in frozen:
        module.requires_grad_(False)


def save_checkpoint(state: Mapping[str, Any], path: Path) -> None:
    """Write ``state`` to ``path`` in one step: a process that is killed leaves the checkpoint before."""
    import torch

    partial = path.with_name(f"{path.name}.part")
    with partial.open("wb") as file:
        torch.save(dict(state), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the state in ``path``, on the CPU."""
    import torch

    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
