"""In which precision a network runs fastest on this processor."""

from __future__ import annotations

from typing import Literal

Precision = Literal["bf16", "int8", "fp32"]


def best_precision(*, int8: bool = False) -> Precision:
    """Return the fastest precision: bf16 if the processor multiplies it (AVX512-BF16 or AMX), else int8 or fp32.

    Args:
        int8: whether the network may run in int8, which is returned if the processor multiplies it (VNNI).
    """
    import torch

    found = torch.cpu.get_capabilities()
    if found.get("avx512_bf16") or found.get("amx_bf16"):
        return "bf16"
    return "int8" if int8 and (found.get("avx512_vnni") or found.get("avx_vnni")) else "fp32"
