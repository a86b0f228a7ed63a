from __future__ import annotations

import pytest

from rag._internal.processor import Precision, best_precision

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("has", "precision"),
    [
        ({"avx512_bf16": True, "avx512_vnni": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_bf16": False, "avx512_vnni": True}, "fp32"),
        ({"architecture": "aarch64"}, "fp32"),
    ],
    ids=["AVX512-BF16", "AMX", "AVX512-VNNI", "Arm"],
)
def test_the_fastest_precision_follows_from_what_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], precision: Precision
) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert best_precision() == precision
