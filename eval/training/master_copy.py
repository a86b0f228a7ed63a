"""A network in bfloat16 that is trained through a copy in float32.

Weights and gradients are in bfloat16, which processors with AMX and GPUs compute fastest. AdamW updates a copy in
float32, from which the weights are rounded after each step (Micikevicius et al., 2018, "Mixed Precision Training"): a
step is often smaller than what bfloat16 can add.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHT_DECAY = 0.01
LARGEST_GRADIENT = 1.0
"""Norm to which the gradient is clipped."""


class MasterCopy:
    """The trained parameters of a network in float32, and their optimiser."""

    def __init__(self, network: nn.Module, device: str) -> None:
        """Take ``network`` in float32; it is put on ``device`` in bfloat16. Frozen parameters have no copy."""
        import torch

        network.to(device)
        self.master: dict[str, Tensor] = {
            name: parameter.detach().clone().float()
            for name, parameter in network.named_parameters()
            if parameter.requires_grad
        }
        network.to(torch.bfloat16).train()
        self._trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
        self._optimiser = torch.optim.AdamW(self.master.values(), weight_decay=WEIGHT_DECAY, fused=True)

    def update(self, rate: float) -> None:
        """Take a step of this learning rate along the gradients of the network, which are then cleared."""
        import torch

        for name, parameter in self._trained.items():
            self.master[name].grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(self.master.values(), LARGEST_GRADIENT)
        self._optimiser.step()
        self._round()

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
