"""In which precision the packaged verifier's network runs on this processor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rag.verify.support.network import SupportNetwork

Precision = Literal["bf16", "int8", "fp32"]


def best_precision() -> Precision:
    """Return bf16 if the processor multiplies it (AVX512-BF16 or AMX), else int8 if it can (AVX2), else fp32."""
    import torch

    found = torch.cpu.get_capabilities()
    if found.get("avx512_bf16") or found.get("amx_bf16"):
        return "bf16"
    if found.get("avx2") and "x86" in torch.backends.quantized.supported_engines:
        return "int8"
    return "fp32"


def with_precision(state: Mapping[str, Any], precision: Precision) -> SupportNetwork:
    """Return the network with the parameters ``state``, which are in bfloat16, in another precision."""
    import torch
    from torch import nn

    from rag.verify.support.network import SupportNetwork

    if precision == "bf16":
        return SupportNetwork.from_state(state)
    network = SupportNetwork.from_state({name: value.float() for name, value in state.items()})
    if precision == "int8":
        from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            # Activations are scaled as they come, weights by row.
            quantize_dynamic(
                network.encoder, {nn.Linear: per_channel_dynamic_qconfig}, dtype=torch.qint8, inplace=True
            )
    return network
