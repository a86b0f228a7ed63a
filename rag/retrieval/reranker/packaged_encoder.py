"""The reranker on the network of the packaged encoder, without ``transformers``, which takes seconds to import."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from torch import Tensor, nn

from rag._internal.processor import Precision
from rag.embedding.minilm_network import MiniLMNetwork
from rag.retrieval.reranker.network import ENCODER, RerankNetwork


class PackagedEncoder(nn.Module):
    """A :class:`MiniLMNetwork` with the interface of a model of ``transformers`` that :class:`RerankNetwork` uses."""

    def __init__(self, network: MiniLMNetwork, width: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(hidden_size=width, type_vocab_size=2)
        self._network = network

    def forward(self, *, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, **_: Tensor) -> object:
        """Return an object whose ``last_hidden_state`` has the states of the last layer, in float32."""
        states = self._network.states(input_ids, attention_mask, token_type_ids)
        return SimpleNamespace(last_hidden_state=states[-1])


def packaged_network(
    state: Mapping[str, Tensor], base: Path, layers: int | None, precision: Precision
) -> RerankNetwork:
    """Return the network with the parameters ``state`` for inference; its head is in fp32.

    Args:
        state: all parameters, by their names in :class:`RerankNetwork`.
        base: directory of the base model, a BERT, with its ``config.json``.
        layers: the layers that are kept; None for all.
        precision: of the encoder.
    """
    weights = {name.removeprefix(ENCODER): value for name, value in state.items() if name.startswith(ENCODER)}
    head = {name: value.float() for name, value in state.items() if not name.startswith(ENCODER)}
    width = weights["embeddings.LayerNorm.weight"].shape[0]
    encoder = PackagedEncoder(MiniLMNetwork.of(weights, base, layers=layers, precision=precision), width)
    network = RerankNetwork(encoder)  # not on the device "meta": random numbers there import torch's compiler, 2 s
    network.load_state_dict(head, assign=True)
    return network.eval()
