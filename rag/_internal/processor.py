"""In which precision a network runs fastest on this processor, and how its products are rounded."""

from __future__ import annotations

import os
from typing import Literal

Precision = Literal["bf16", "fp32"]


def round_products_alike() -> None:
    """Have fp32 matrix products round a row alike whatever other rows there are; called before the first product.

    On Intel's processors, MKL chooses the order of its sums by the number of rows, so that the other texts of a batch
    would change a vector in its last bits. "Strict" reproducibility costs no measurable time. Elsewhere it changes
    nothing.
    """
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")


def best_precision() -> Precision:
    """Return the fastest precision: bf16 if the processor multiplies it (AVX512-BF16 or AMX), else fp32."""
    import torch

    found = torch.cpu.get_capabilities()
    return "bf16" if found.get("avx512_bf16") or found.get("amx_bf16") else "fp32"
