"""The forms of the difference of trained weights to their base: what they take, what they lose, applied again."""

from __future__ import annotations

from typing import Any

import pytest

from rag._internal.difference import merged
from rag.eval.training.forms import Form, compress, low_rank, relative_error, size

pytestmark = pytest.mark.integration


def parameters() -> tuple[dict[str, Any], dict[str, Any]]:
    """A base, and weights that differ from it in a matrix by rank 2, in a vector, and by a head."""
    import torch

    generator = torch.Generator().manual_seed(1)
    base = {"a": torch.randn(128, 64, generator=generator), "same": torch.randn(8, 64), "v": torch.zeros(8)}
    change = torch.randn(128, 2, generator=generator) @ torch.randn(2, 64, generator=generator)
    return base, {"a": base["a"] + change, "same": base["same"], "v": torch.ones(8), "head": torch.ones(1, 8)}


@pytest.mark.parametrize(("form", "limit"), [("rank2", 0.02), ("rank2-int8", 0.03), ("int4", 0.12), ("bfloat16", 0.01)])
def test_a_difference_that_is_applied_gives_the_trained_weights_again(form: str, limit: float) -> None:
    base, trained = parameters()
    tensors = compress(base, trained, Form(form))
    assert not [name for name in tensors if name.startswith("same")]
    restored = merged(base, tensors)
    assert {name: value.shape for name, value in restored.items()} == {k: v.shape for k, v in trained.items()}
    assert (restored["v"].tolist(), restored["head"].tolist()) == ([1] * 8, [[1] * 8])
    assert relative_error(base, trained, tensors) < limit


def test_fewer_bits_and_ranks_take_less_and_lose_more() -> None:
    base, trained = parameters()
    rank1, rank2 = (compress(base, trained, Form(name)) for name in ("rank1", "rank2"))
    assert size(rank1) < size(rank2) < size(compress(base, trained, Form("int4")))
    assert relative_error(base, trained, rank1) > 0.2 > relative_error(base, trained, rank2)


def test_the_factors_are_of_the_rank_asked_for() -> None:
    _, trained = parameters()
    up, down = low_rank(trained["a"], 3)
    assert (up.shape, down.shape) == ((128, 3), (3, 64))


def test_an_unknown_form_is_an_error() -> None:
    base, trained = parameters()
    with pytest.raises(ValueError, match="int5: not one of rankR"):
        compress(base, trained, Form("int5"))
