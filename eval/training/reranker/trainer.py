"""One step of training in bfloat16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag.retrieval.reranker.network import RerankNetwork, pair_logits
from rag.retrieval.reranker.pairs import PairFormat, TokenPair

from ..master_copy import MasterCopy
from .losses import rerank_losses

if TYPE_CHECKING:
    from torch import Tensor


class RerankTrainer:
    """Trains the parameters that are not frozen: all but the embeddings, MPNet's bias by distance and some layers."""

    def __init__(
        self,
        network: RerankNetwork,
        form: PairFormat,
        *,
        frozen: int,
        relevance_weight: float,
        forward_tokens: int,
        device: str,
    ) -> None:
        """Take ``network`` in float32; it is put on ``device`` in bfloat16.

        Args:
            network: to train.
            form: of the pairs.
            frozen: lowest layers that stay as in the base.
            relevance_weight: see :class:`.losses.RerankLosses`.
            forward_tokens: tokens that go through the network at a time; the pairs of a batch are sorted by length.
            device: cpu, cuda, ….
        """
        freeze(network, frozen)
        self._copy = MasterCopy(network, device)
        self.network = network
        self._form = form
        self._relevance_weight = relevance_weight
        self._forward_tokens = forward_tokens

    def step(self, groups: Sequence[Sequence[TokenPair]], labels: Sequence[float], rate: float) -> dict[str, float]:
        """Update the weights on a batch and return its losses, the share of ``first`` places, and its ``size``.

        Args:
            groups: the pairs of each query, the labelled passage first.
            labels: of each group.
            rate: learning rate.
        """
        pairs = [pair for group in groups for pair in group]
        logits = pair_logits(self.network, self._form, pairs, self._forward_tokens).split(
            [len(each) for each in groups]
        )
        found = rerank_losses(logits, labels)
        found.total(self._relevance_weight).backward()
        self._copy.update(rate)
        named = {"relevance": float(found.relevance.detach()), "size": float(sum(map(self._form.length, pairs)))}
        if found.listwise is not None:
            named["listwise"] = float(found.listwise.detach())
            placed = [int(group.argmax()) == 0 for group, label in zip(logits, labels, strict=True) if label > 0]
            named["first"] = sum(placed) / len(placed)
        return named

    def parameters(self) -> dict[str, Tensor]:
        """Return the trained parameters in bfloat16."""
        return self._copy.parameters()

    def state(self) -> dict[str, Any]:
        """Return all that :meth:`restore` needs."""
        return self._copy.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        self._copy.restore(state)


def freeze(network: RerankNetwork, layers: int) -> None:
    """Exempt the embeddings, a bias by distance and the lowest ``layers`` layers of ``network`` from training."""
    encoder = network.encoder.encoder
    frozen = [network.encoder.embeddings, *encoder.layer[:layers]]
    if hasattr(encoder, "relative_attention_bias"):
        frozen.append(encoder.relative_attention_bias)
    for module in frozen:
        module.requires_grad_(False)
