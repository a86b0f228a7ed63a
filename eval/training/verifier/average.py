"""Write the mean of trained parameters: of several states of a run, or of runs from one start. ::

    python -m eval.training.verifier.average work/run-1/weights.safetensors work/run-2/weights.safetensors \\
                                             --out work/weights.safetensors

The mean of states that one training passes often does better than the last one (Wortsman et al., 2022, "Model soups").
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..parameters import load_parameters, parameter_layers, save_parameters

if TYPE_CHECKING:
    from torch import Tensor


def average(paths: Sequence[Path], out: Path) -> None:
    """Write the mean of the parameters in the files ``paths`` to ``out``, in the type that they have.

    Raises:
        ValueError: two files have not the same parameters.
    """
    states = [load_parameters(path) for path in paths]
    for path, state in zip(paths[1:], states[1:], strict=True):
        if differing := states[0].keys() ^ state.keys():
            raise ValueError(
                f"{path}: {min(differing)} is in this file or in {paths[0]} only: average states of one network"
            )
    save_parameters(mean_parameters(states), out, parameter_layers(paths[0]))


def mean_parameters(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of the parameters that the first of ``states`` has, in its types; the others have them, too."""
    import torch

    return {
        name: torch.stack([state[name].float() for state in states]).mean(0).to(value.dtype)
        for name, value in states[0].items()
    }


def main() -> None:
    """Write the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, nargs="+", help="files of trained parameters")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    options = parser.parse_args()
    average(options.weights, options.out)


if __name__ == "__main__":
    main()
