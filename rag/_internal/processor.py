"""In which precision a network runs fastest on this processor."""

from __future__ import annotations

from typing import Literal

Precision = Literal["bf16", "fp32"]

ChunkPrecision = Literal["bf16", "fp32", "int8"]
"""The precisions of the packaged encoder, which has scales for int8; the other networks have none."""


def best_precision() -> Precision:
    """Return the fastest precision: bf16 if the processor multiplies it (AVX512-BF16 or AMX), else fp32."""
    import torch

    found = torch.cpu.get_capabilities()
    return "bf16" if found.get("avx512_bf16") or found.get("amx_bf16") else "fp32"


def best_chunk_precision() -> ChunkPrecision:
    """Return the fastest precision of the packaged encoder: bf16 where the processor multiplies it, else int8.

    Int8 needs AVX2 and oneDNN, which torch has on x86; it is fp32 without them.
    """
    import torch

    if best_precision() == "bf16":
        return "bf16"
    return "int8" if torch.cpu.get_capabilities().get("avx2") and torch.backends.mkldnn.is_available() else "fp32"
