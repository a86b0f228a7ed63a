"""Write the difference between trained weights and their base in a small file: low rank or four-bit integers. ::

    python -m eval.training.verifier.compress --base BASE --start MERGED --weights work/weights.safetensors \\
                                              --out rag/verify/support/weights/difference.safetensors
    python -m eval.training.verifier.compress --base BASE --weights work/weights.safetensors --compare

``--compare`` prints size and error of every form (see ``eval/training/forms.py``). A difference in int8 would take
64 MB, more than :data:`SIZE_LIMIT`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..forms import Form, compress, relative_error, size
from ..parameters import load_parameters, save_parameters
from .weights import base_parameters

MEGABYTE = 10**6
SIZE_LIMIT = 60 * MEGABYTE
"""Bytes that the repository may hold of the verifier."""

COMPARED = (
    "rank32", "rank64", "rank96", "rank128", "rank128-int8", "rank256-int8", "int4-32", "int4", "int4-128",
    "bfloat16",
)  # fmt: skip
"""Forms that ``--compare`` tries."""


def main() -> None:
    """Write the difference, or compare forms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--start", type=Path, help="merged weights that the difference is to, instead of the base's")
    parser.add_argument("--weights", type=Path, required=True, help="trained parameters in full")
    parser.add_argument("--form", default="int4", help="rankR, rankR-int8, int4, int4-GROUP or bfloat16")
    parser.add_argument("--out", type=Path, help="file to write")
    parser.add_argument("--compare", action="store_true", help="print size and error of every form")
    options = parser.parse_args()
    if not options.compare and options.out is None:
        parser.error("give --out, or --compare")
    base, trained = base_parameters(options.base, options.start), load_parameters(options.weights)
    for name in COMPARED if options.compare else (options.form,):
        tensors = compress(base, trained, Form(name))
        error = relative_error(base, trained, tensors)
        print(f"{name}: {size(tensors) / MEGABYTE:.1f} MB, relative error {error:.4f}", flush=True)
        if not options.compare:
            if size(tensors) > SIZE_LIMIT:
                parser.error(f"{name} takes more than {SIZE_LIMIT // MEGABYTE} MB: choose a smaller form")
            save_parameters(tensors, options.out)


if __name__ == "__main__":
    main()
