"""Hidden states above the frozen layers, kept in memory, so that a pack that comes again skips these layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.verify.support.network import Pack, collate

if TYPE_CHECKING:
    from torch import Tensor

    from rag.verify.support.network import Batch, SupportNetwork

_Key = tuple[tuple[int, ...], ...]


class HiddenCache:
    """The output of the lowest ``layers`` layers by pack.

    A token takes 1.5 kB (768 numbers in bfloat16). States must not change: the layers are frozen, dropout is 0.
    """

    def __init__(self, network: SupportNetwork, layers: int) -> None:
        self.layers = layers
        self._network = network
        self._states: dict[_Key, Tensor] = {}

    def hidden(self, packs: Sequence[Pack], batch: Batch) -> Tensor:
        """Return the B × L × H states of ``batch``, which is ``packs`` collated; where it is padding they are 0."""
        import torch

        keys = [_key(pack) for pack in packs]
        missing = [place for place, key in enumerate(keys) if key not in self._states]
        if missing:
            self._add([packs[place] for place in missing])
        found = [self._states[key] for key in keys]
        states = torch.zeros(*batch.ids.shape, found[0].shape[-1], dtype=found[0].dtype, device=batch.ids.device)
        for row, state in enumerate(found):
            states[row, : len(state)] = state.to(batch.ids.device)
        return states

    def _add(self, packs: Sequence[Pack]) -> None:
        import torch

        batch = collate(packs)
        device = next(self._network.parameters()).device
        with torch.no_grad():
            states = self._network.lower(type(batch)(*(part.to(device) for part in batch)), self.layers)
        for pack, state in zip(packs, states, strict=True):
            self._states[_key(pack)] = state[: pack.length].clone().cpu()


def _key(pack: Pack) -> _Key:
    return (tuple(pack.evidence), *(tuple(claim) for claim in pack.claims))
