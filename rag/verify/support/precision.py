"""In which precision the packaged verifier's network runs on this processor.

Dynamic int8 (``torch.ao.quantization``, weights scaled by row) is no option: on 30 prose pairs it moved the probability
by .13 on average, and by .03 where only queries, keys and values were quantised; bf16 moves it by .001.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rag.verify.support.network import SupportNetwork

Precision = Literal["bf16", "fp32"]


def best_precision() -> Precision:
    """Return bf16 if the processor multiplies it (AVX512-BF16 or AMX), else fp32."""
    import torch

    found = torch.cpu.get_capabilities()
    return "bf16" if found.get("avx512_bf16") or found.get("amx_bf16") else "fp32"


def with_precision(state: Mapping[str, Any], precision: Precision) -> SupportNetwork:
    """Return the network with the parameters ``state``, which are in bfloat16, in another precision."""
    from rag.verify.support.network import SupportNetwork

    if precision == "bf16":
        return SupportNetwork.from_state(state)
    return SupportNetwork.from_state({name: value.float() for name, value in state.items()})
