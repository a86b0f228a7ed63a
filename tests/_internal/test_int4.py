"""Four-bit integers with a scale for each group."""

from __future__ import annotations

import pytest

from rag._internal.int4 import pack_int4, unpack_int4

pytestmark = pytest.mark.integration


def test_values_that_are_multiples_of_their_groups_scale_come_back_exactly() -> None:
    import torch

    matrix = torch.tensor([[7.0, -7.0, 3.0, 0.0, 0.5, -3.5, 1.0, 2.0], [0.0] * 8])
    packed, scales = pack_int4(matrix, group=4)
    assert (packed.shape, packed.dtype, scales.shape) == ((2, 4), torch.uint8, (2, 2))
    assert torch.equal(unpack_int4(packed, scales), matrix)


def test_the_error_of_normal_values_is_about_a_tenth() -> None:
    import torch

    matrix = torch.randn(64, 256, generator=torch.Generator().manual_seed(1)) * 1e-3
    lost = unpack_int4(*pack_int4(matrix)) - matrix
    assert 0.05 < float(lost.norm() / matrix.norm()) < 0.12


def test_columns_that_make_no_groups_are_an_error() -> None:
    import torch

    with pytest.raises(ValueError, match="100 columns do not make groups of 64"):
        pack_int4(torch.zeros(2, 100))
