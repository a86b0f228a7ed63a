"""Read the network: a directory with the base model, and a safetensors file with what differs from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rag.retrieval.reranker.network import ENCODER, RerankNetwork, base_config, base_state

from ..parameters import load_parameters, parameter_layers

if TYPE_CHECKING:
    from torch import Tensor


def new_network(base: Path, layers: int | None = None) -> RerankNetwork:
    """Return the network in float32 with the weights of the base model in directory ``base`` and a new head.

    Dropout is 0. ``layers`` keeps the first layers only.
    """
    from transformers import AutoModel

    encoder = AutoModel.from_config(base_config(base, layers), add_pooling_layer=False)
    encoder.load_state_dict({name.removeprefix(ENCODER): value for name, value in base_state(base, layers).items()})
    return RerankNetwork(encoder)


def load_network(base: Path, difference: Path, device: str = "cpu") -> RerankNetwork:
    """Return the trained network in bfloat16, ready for inference.

    Args:
        base: directory of the base model.
        difference: any file that :func:`rag._internal.difference.merged` reads: full parameters, low rank or quantised.
        device: where the network is put.

    Raises:
        ValueError: the difference does not fit the base.
    """
    from rag._internal.difference import merged

    layers = parameter_layers(difference)
    changes = load_parameters(difference)
    network = new_network(base, layers)
    state = merged(base_state(base, layers), changes)
    if odd := set(state) ^ set(network.state_dict()):
        raise ValueError(f"{difference}: {min(odd)} is in one of it with {base} and the network only")
    network.load_state_dict(state)
    return network.to(device=device).bfloat16().eval()


def start_parameters(network: RerankNetwork, parameters: dict[str, Tensor], path: Path) -> None:
    """Put ``parameters``, read from ``path``, into ``network``.

    Raises:
        ValueError: the network has no parameter of a name.
    """
    fitted = network.load_state_dict(parameters, strict=False)
    if fitted.unexpected_keys:
        raise ValueError(f"{path}: the network has no {fitted.unexpected_keys[0]}")
