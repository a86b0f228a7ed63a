"""Parameters of a network in a safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def load_parameters(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file."""
    from safetensors.torch import load_file

    return load_file(path)


def save_parameters(parameters: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors to ``path`` in one step: the file is never there in part."""
    from safetensors.torch import save

    contents = save({name: value.contiguous().cpu() for name, value in parameters.items()}, metadata)
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(contents)
    partial.replace(path)
