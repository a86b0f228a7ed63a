from __future__ import annotations

import pytest

from rag._internal.processor import ChunkPrecision, Precision, best_chunk_precision, best_precision

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


@pytest.mark.parametrize(
    ("has", "precision"),
    [
        ({"avx512_bf16": True, "avx512_vnni": True, "avx2": True}, "bf16"),
        ({"avx512_vnni": True, "avx2": True}, "int8"),
        ({"avx2": True}, "int8"),
        ({"sse4_2": True}, "fp32"),
        ({"architecture": "aarch64"}, "fp32"),
    ],
    ids=["AVX512-BF16", "AVX512-VNNI", "AVX2", "SSE4", "Arm"],
)
def test_chunks_are_encoded_in_int8_where_the_processor_multiplies_no_bf16(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], precision: ChunkPrecision
) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert best_chunk_precision() == precision
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert best_chunk_precision() == ("bf16" if precision == "bf16" else "fp32")
