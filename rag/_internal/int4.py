"""Four-bit integers, two a byte, with one scale for each group of neighbours in a row.

Round-to-nearest quantisation with the scale of each group chosen by search, as in the weight-only quantisation of
language models (Dettmers & Zettlemoyer, 2023, "The case for 4-bit precision").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

GROUP = 64
"""Values that share a scale."""

_LIMIT = 7
_OFFSET = 8
_CLIPS = (0.95, 0.9, 0.85, 0.8, 0.75)
"""Shares of a group's largest magnitude that are tried as its range, beside all of it."""


def pack_int4(matrix: Tensor, group: int = GROUP) -> tuple[Tensor, Tensor]:
    """Return ``matrix`` as four-bit integers and their scales; of several scales a group takes the most exact one.

    Args:
        matrix: rows × columns, of any floating type.
        group: values that share a scale; it divides the columns and is even.

    Returns:
        rows × columns/2 bytes, the first of two values in the lower half, and rows × columns/group scales in bfloat16.
    """
    import torch

    rows, columns = matrix.shape
    if columns % group or group % 2:
        raise ValueError(f"{columns} columns do not make groups of {group}")
    groups = matrix.float().reshape(rows, columns // group, group)
    largest = groups.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(torch.bfloat16).tiny * _LIMIT)
    scales = (largest / _LIMIT).to(torch.bfloat16)
    quantised, error = _quantised(groups, scales)
    for clip in _CLIPS:
        clipped = (largest * (clip / _LIMIT)).to(torch.bfloat16)
        values, clipped_error = _quantised(groups, clipped)
        better = clipped_error < error
        quantised = torch.where(better, values, quantised)
        scales = torch.where(better, clipped, scales)
        error = torch.where(better, clipped_error, error)
    flat = (quantised.reshape(rows, columns) + _OFFSET).to(torch.uint8)
    return flat[:, ::2] | (flat[:, 1::2] << 4), scales[..., 0]


def unpack_int4(packed: Tensor, scales: Tensor) -> Tensor:
    """Return the matrix of :func:`pack_int4` in float32."""
    import torch

    rows = packed.shape[0]
    values = torch.stack((packed & 15, packed >> 4), -1).reshape(rows, scales.shape[1], -1)
    return ((values.float() - _OFFSET) * scales.float()[..., None]).reshape(rows, -1)


def _quantised(groups: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """Return the integers of ``groups`` at these scales, and the squared error of each group."""
    values = (groups / scales.float()).round().clamp(-_LIMIT, _LIMIT)
    return values, ((values * scales.float() - groups) ** 2).sum(-1, keepdim=True)
