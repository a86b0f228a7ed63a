"""The difference of trained weights to their base, written in every form and applied again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rag.eval.training.verifier.compress import Form, compress, low_rank, relative_error, size
from rag.eval.training.verifier.weights import load_network, save_parameters
from rag.verify.support.difference import merged

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


def test_a_network_is_loaded_from_a_compressed_difference(base: Path, tmp_path: Path) -> None:
    import torch

    from rag.eval.training.verifier.weights import base_parameters, new_network

    torch.manual_seed(5)
    before, trained = base_parameters(base), dict(new_network(base).state_dict())
    name = "encoder.layer.1.output.dense.weight"
    trained[name] = trained[name] + 0.01 * torch.randn(trained[name].shape)
    save_parameters(compress(before, trained, Form("int4")), tmp_path / "difference.safetensors")
    loaded = load_network(base, tmp_path / "difference.safetensors").state_dict()
    assert float((loaded[name].float() - trained[name]).norm()) < 0.15 * float((before[name] - trained[name]).norm())
    assert torch.equal(loaded["dense.weight"], trained["dense.weight"].bfloat16())
    heads = {key: value for key, value in trained.items() if not key.startswith("dense")}
    save_parameters({key: heads[key] for key in ("support.weight", "support.bias")}, tmp_path / "part.safetensors")
    with pytest.raises(ValueError, match=r"part\.safetensors: dense\.bias is neither there nor in"):
        load_network(base, tmp_path / "part.safetensors")
