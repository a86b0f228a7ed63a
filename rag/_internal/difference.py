"""The difference between a packaged model and its base, which is what ships with citebrief.

For each parameter of the model's network that differs from the base, the file has either its full value under
``NAME``, or two factors of low rank r: ``NAME.up`` (rows × r) and ``NAME.down`` (r × columns) with
W = W_base + up · down (the form of LoRA, Hu et al., 2021), or W - W_base in four-bit integers: ``NAME.int4`` and
``NAME.int4.scale`` (see :mod:`rag._internal.int4`). A tensor T in int8 has one scale a row in ``T.scale``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

UP, DOWN, INT4, SCALE = ".up", ".down", ".int4", ".scale"


def merged(base: Mapping[str, Tensor], difference: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ``base`` with ``difference`` applied: every parameter of the network in bfloat16.

    Raises:
        ValueError: the difference has a change of a parameter that the base does not have, or only one factor.
    """
    import torch

    from rag._internal.int4 import unpack_int4

    changes = {name for name in difference if not name.endswith(SCALE)}
    factored = {name.removesuffix(UP) for name in changes if name.endswith(UP)}
    if factored != {name.removesuffix(DOWN) for name in changes if name.endswith(DOWN)}:
        raise ValueError("the difference has a factor without its counterpart")
    quantised = {name.removesuffix(INT4) for name in changes if name.endswith(INT4)}
    if missing := (factored | quantised) - set(base):
        raise ValueError(f"the difference has a change of {min(missing)}, which the base does not have")
    out: dict[str, Tensor] = {}
    for name, value in base.items():
        if name in factored:
            change = _value(difference, name + UP) @ _value(difference, name + DOWN)
            out[name] = (value.float() + change).to(torch.bfloat16)
        elif name in quantised:
            change = unpack_int4(difference[name + INT4], difference[name + INT4 + SCALE])
            out[name] = (value.float() + change).to(torch.bfloat16)
        elif name not in changes:
            out[name] = value.to(torch.bfloat16)
    for name in changes:
        if not name.endswith((UP, DOWN, INT4)):
            out[name] = _value(difference, name).to(torch.bfloat16)
    return out


def changed_names(difference: Mapping[str, Tensor]) -> set[str]:
    """Return the names of the parameters that ``difference`` changes."""
    changes = (name for name in difference if not name.endswith(SCALE))
    return {name.removesuffix(UP).removesuffix(DOWN).removesuffix(INT4) for name in changes}


def _value(difference: Mapping[str, Tensor], name: str) -> Tensor:
    """Return the tensor ``name`` in float32, scaled if it is quantised."""
    value = difference[name].float()
    scale = difference.get(name + SCALE)
    return value if scale is None else value * scale.float().reshape(-1, *[1] * (value.dim() - 1))
