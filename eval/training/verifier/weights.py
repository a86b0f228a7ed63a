"""Read the network: a directory with the base model, and a safetensors file with what differs from it.

What ships differs from the common weights (``rag/verify/support/merged.py``), which the parameter ``start`` names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..parameters import load_parameters, parameter_layers

if TYPE_CHECKING:
    from torch import Tensor

    from rag.verify.support.network import SupportNetwork

_NOT_IN_NETWORK = ("pooler.", "embeddings.position_ids")


def new_network(base: Path, layers: int | None = None) -> SupportNetwork:
    """Return the network in float32 with the weights of the base model in directory ``base`` and new heads.

    Dropout is 0. ``layers`` keeps the first layers only.
    """
    from transformers import MPNetModel
    from transformers.utils import logging

    from rag.verify.support.network import SupportNetwork

    logging.set_verbosity_error()  # it would report that the base's pooler is not used
    logging.disable_progress_bar()
    model = MPNetModel.from_pretrained(
        base, add_pooling_layer=False, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    if layers is not None:
        model.encoder.layer = model.encoder.layer[:layers]
    return SupportNetwork(model)


def load_network(base: Path, difference: Path, device: str = "cpu", start: Path | None = None) -> SupportNetwork:
    """Return the trained network in bfloat16, ready for inference.

    Args:
        base: directory of the base model.
        difference: any file that :func:`rag._internal.difference.merged` reads: full parameters, low rank or
            quantised.
        device: where the network is put.
        start: see :func:`base_parameters`.

    Raises:
        ValueError: the difference does not fit the base.
    """
    import torch

    from rag._internal.difference import merged

    changes = load_parameters(difference)
    network = new_network(base, parameter_layers(difference))
    state = merged(base_parameters(base, start), changes)
    own = set(network.state_dict())
    if missing := own - set(state):
        raise ValueError(f"{difference}: {min(missing)} is neither there nor in {base}")
    network.load_state_dict({name: value for name, value in state.items() if name in own})
    return network.to(device=device, dtype=torch.bfloat16).eval()


def base_parameters(base: Path, start: Path | None = None) -> dict[str, Tensor]:
    """Return the parameters that a difference is to, by their names in the network.

    They are those of the merged file ``start`` if it is given, or else the base model's.
    """
    from safetensors.torch import load_file

    parameters = load_file(start or base / "model.safetensors")
    return {name: value for name, value in parameters.items() if not name.startswith(_NOT_IN_NETWORK)}
