"""Checkpoints of a training run, which are never there in part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


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


def check_options(made_with: Mapping[str, Any], own: Mapping[str, Any], path: Path) -> None:
    """Compare the options that the checkpoint in ``path`` was made with to those of the run that goes on from it.

    Raises:
        ValueError: one of them differs; the message names it.
    """
    for name, value in made_with.items():
        if own.get(name) != value:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{path} was made with {option} {value}, not {own.get(name)}: give that option again, or another --out"
            )
