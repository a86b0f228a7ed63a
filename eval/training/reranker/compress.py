"""Write the difference between trained weights and their base in a small file. ::

    python -m eval.training.reranker.compress --base BASE --weights work/run/weights.safetensors --form int4 \\
                                              --out rag/retrieval/reranker/weights/difference.safetensors

The forms are those of ``eval/training/forms.py``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rag.retrieval.reranker.network import base_state

from ..forms import Form, compress, relative_error, size
from ..parameters import load_parameters, parameter_layers, save_parameters


def main() -> None:
    """Write the difference, and print its size and error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--weights", type=Path, required=True, help="trained parameters in full")
    parser.add_argument("--form", default="int4", help="rankR, rankR-int8, int4, int4-GROUP or bfloat16")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    options = parser.parse_args()
    layers = parameter_layers(options.weights)
    base, trained = base_state(options.base, layers), load_parameters(options.weights)
    tensors = compress(base, trained, Form(options.form))
    error = relative_error(base, trained, tensors)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_parameters(tensors, options.out, layers)
    print(f"{options.form}: {size(tensors) / 10**6:.1f} MB, relative error {error:.4f}")


if __name__ == "__main__":
    main()
