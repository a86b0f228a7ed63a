"""In which precision a network runs fastest on this processor."""

from __future__ import annotations

from typing import Literal

Precision = Literal["bf16", "fp32"]


def best_precision() -> Precision:
    """Return the fastest precision: bf16 if the processor multiplies it (AVX512-BF16 or AMX), else fp32."""
    import torch

    found = torch.cpu.get_capabilities()
    return "bf16" if found.get("avx512_bf16") or found.get("amx_bf16") else "fp32"
