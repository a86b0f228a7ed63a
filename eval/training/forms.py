"""The forms in which the difference between trained weights and their base is written: low rank or few bits.

Matrices are written in the chosen form, vectors and new heads in full (bfloat16). The error is the Frobenius norm of
what is lost, divided by that of the difference of all matrices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag._internal.difference import DOWN, INT4, SCALE, UP

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Form:
    """How a matrix is written: ``rankR``, ``rankR-int8``, ``int4``, ``int4-GROUP`` or ``bfloat16``.

    ``bfloat16`` writes the matrix itself.
    """

    name: str

    def write(self, name: str, base: Tensor, trained: Tensor) -> dict[str, Tensor]:
        """Return the tensors for matrix ``name``.

        Raises:
            ValueError: there is no such form.
        """
        import torch

        from rag._internal.int4 import GROUP, pack_int4

        kind, _, detail = self.name.partition("-")
        change = trained.float() - base.float()
        if kind == "int4":
            packed, scales = pack_int4(change, int(detail or GROUP))
            return {name + INT4: packed, name + INT4 + SCALE: scales}
        if kind.startswith("rank") and kind[4:].isdecimal() and detail in {"", "int8"}:
            up, down = low_rank(change, int(kind[4:]))
            if not detail:
                return {name + UP: up.to(torch.bfloat16), name + DOWN: down.to(torch.bfloat16)}
            return _int8(name + UP, up) | _int8(name + DOWN, down)
        if self.name == "bfloat16":
            return {name: trained.to(torch.bfloat16)}
        raise ValueError(f"{self.name}: not one of rankR, rankR-int8, int4, int4-GROUP, bfloat16")


def low_rank(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return factors (rows × rank and rank × columns) of the nearest matrix of this rank (Eckart & Young, 1936).

    The singular values are shared out among both, so that they have entries of similar size.
    """
    import torch

    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * v[:rank]


def _int8(name: str, matrix: Tensor) -> dict[str, Tensor]:
    """Return ``matrix`` in eight-bit integers with a scale for each row."""
    import torch

    scale = (matrix.float().abs().amax(1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    return {name: (matrix.float() / scale[:, None]).round().to(torch.int8), name + SCALE: scale}


def compress(base: Mapping[str, Tensor], trained: Mapping[str, Tensor], form: Form) -> dict[str, Tensor]:
    """Return the tensors of the difference: what ``trained`` has that ``base`` does not have, or has otherwise."""
    import torch

    tensors: dict[str, Tensor] = {}
    for name, value in trained.items():
        if name in base and torch.equal(base[name].to(torch.bfloat16), value.to(torch.bfloat16)):
            continue
        if name in base and value.dim() == 2:
            tensors |= form.write(name, base[name], value)
        else:
            tensors[name] = value.to(torch.bfloat16)
    return tensors


def relative_error(base: Mapping[str, Tensor], trained: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> float:
    """Return the norm of what ``tensors`` lose of the matrices' differences, divided by that of these differences.

    The loss includes that of bfloat16, in which the network runs.
    """
    from rag._internal.difference import merged

    lost = total = 0.0
    restored = merged(base, tensors)
    for name, value in _matrices(base, trained):
        lost += float(((restored[name].float() - value.float()) ** 2).sum())
        total += float(((value.float() - base[name].float()) ** 2).sum())
    return math.sqrt(lost / total) if total else 0.0


def _matrices(base: Mapping[str, Tensor], trained: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((name, value) for name, value in trained.items() if name in base and value.dim() == 2)


def size(tensors: Mapping[str, Tensor]) -> int:
    """Return the bytes of ``tensors``."""
    return sum(value.numel() * value.element_size() for value in tensors.values())
