"""The difference to the base: full values, factors of low rank, four-bit integers, and int8 with a scale a row."""

from __future__ import annotations

import pytest

from rag._internal.difference import merged

pytestmark = pytest.mark.integration


def test_factors_are_added_full_values_replace_and_the_rest_stays() -> None:
    import torch

    base = {"a": torch.ones(2, 3), "b": torch.ones(2), "c": torch.ones(1)}
    changes = {"a.up": torch.tensor([[1.0], [2.0]]), "a.down": torch.tensor([[0.5, 0.0, 1.0]]), "b": torch.zeros(2)}
    out = merged(base, {**changes, "head": torch.full((2,), 3.0)})
    assert out["a"].tolist() == [[1.5, 1.0, 2.0], [2.0, 1.0, 3.0]]
    assert (out["b"].tolist(), out["c"].tolist(), out["head"].tolist()) == ([0, 0], [1], [3, 3])
    assert {value.dtype for value in out.values()} == {torch.bfloat16}


def test_int8_is_scaled_by_row() -> None:
    import torch

    rows = torch.tensor([[1, 2], [3, 4]], dtype=torch.int8)
    scale = torch.tensor([0.5, 2.0])
    assert merged({}, {"w": rows, "w.scale": scale})["w"].tolist() == [[0.5, 1.0], [6.0, 8.0]]
    factors = {"w.up": rows, "w.up.scale": scale, "w.down": torch.eye(2)}
    assert merged({"w": torch.zeros(2, 2)}, factors)["w"].tolist() == [[0.5, 1.0], [6.0, 8.0]]


def test_a_factor_without_its_counterpart_or_its_base_is_an_error() -> None:
    import torch

    with pytest.raises(ValueError, match="a factor without its counterpart"):
        merged({"w": torch.zeros(2, 2)}, {"w.up": torch.eye(2)})
    with pytest.raises(ValueError, match="a change of w, which the base does not have"):
        merged({}, {"w.up": torch.eye(2), "w.down": torch.eye(2)})


def test_a_difference_in_four_bit_integers_is_added() -> None:
    import torch

    packed = torch.tensor([[8 + 1 | (8 - 2) << 4, 8 + 7 | (8 - 7) << 4]], dtype=torch.uint8)
    changes = {"w.int4": packed, "w.int4.scale": torch.tensor([[0.5, 2.0]])}
    assert merged({"w": torch.ones(1, 4)}, changes)["w"].tolist() == [[1.5, 0.0, 15.0, -13.0]]
    with pytest.raises(ValueError, match="a change of w, which the base does not have"):
        merged({}, changes)
