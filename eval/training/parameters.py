"""Parameters of a network in a safetensors file, whose metadata say how many layers it keeps of its base."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_LAYERS = "layers"


def load_parameters(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file."""
    from safetensors.torch import load_file

    return load_file(path)


def parameter_layers(path: Path) -> int | None:
    """Return how many layers the network of a safetensors file has, or None for all of the base's."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        layers = (file.metadata() or {}).get(_LAYERS)
    return int(layers) if layers else None


def save_parameters(parameters: Mapping[str, Tensor], path: Path, layers: int | None = None) -> None:
    """Write tensors to ``path`` in one step: the file is never there in part.

    ``layers``: of the base that the network keeps; None for all.
    """
    from safetensors.torch import save

    metadata = None if layers is None else {_LAYERS: str(layers)}
    contents = save({name: value.contiguous().cpu() for name, value in parameters.items()}, metadata)
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(contents)
    partial.replace(path)
