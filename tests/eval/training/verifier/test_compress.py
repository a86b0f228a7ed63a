"""A network from the difference of trained weights to their base."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.training.forms import Form, compress
from rag.eval.training.parameters import save_parameters
from rag.eval.training.verifier.weights import load_network

pytestmark = pytest.mark.integration


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
