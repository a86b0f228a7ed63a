"""Vectors in int8 are near those in fp32, and the same whatever the batch and the processor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rag.embedding.minilm_encoder import MiniLMEncoder
from rag.embedding.minilm_int8 import Int8Linear

pytestmark = pytest.mark.integration

CORPUS = Path(__file__).parents[2] / "corpus"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Two unusual texts, and passages of many lengths."""
    content = (CORPUS / "seychelles-meeting.txt").read_text().replace("\n", " ")
    return ["Naïve façade", "word " * 300, *(content[30 * i : 30 * i + 60 + 70 * i] for i in range(16))]


def test_vectors_are_float32_unit_vectors_near_those_in_fp32(texts: list[str]) -> None:
    expected, found = MiniLMEncoder("fp32").vectors(texts), MiniLMEncoder("int8").vectors(texts)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-6)
    cosines = (found * expected).sum(axis=1)
    assert float(cosines.min()) > 0.98
    assert float(cosines[2:].mean()) > 0.997


def test_other_texts_of_a_batch_change_a_vector_by_rounding_at_most(texts: list[str]) -> None:
    alone = np.concatenate([MiniLMEncoder("int8").vectors([text]) for text in texts[:8]])
    assert np.abs(MiniLMEncoder("int8").vectors(texts[:8]) - alone).max() <= 2e-3


@pytest.mark.parametrize("wide_columns", [0, 4])
def test_a_layer_is_near_the_exact_one_and_exact_columns_take_the_widest_ranges(wide_columns: int) -> None:
    generator = torch.Generator().manual_seed(1)
    weight, bias = torch.randn(48, 64, generator=generator), torch.randn(48, generator=generator)
    width = torch.ones(64)
    width[:4] = 300.0
    inputs = (torch.rand(3, 5, 64, generator=generator) * 2 - 1) * width
    layer = Int8Linear(weight, bias, -width, width, torch.zeros(48), wide_columns=wide_columns)
    expected = torch.nn.functional.linear(inputs, weight, bias)
    found = layer(inputs)
    assert found.shape == expected.shape
    error = float((found - expected).abs().mean() / expected.abs().mean())
    assert error < (0.001 if wide_columns else 0.02)


def test_products_do_not_overflow_on_a_processor_without_vnni() -> None:
    code = (
        "import torch; from rag.embedding.minilm_int8 import Int8Linear; n = 384; "
        "one, none = torch.ones(n), torch.zeros(n); "
        "layer = Int8Linear(torch.ones(n, n), none, -one, one, none); print(layer(torch.ones(8, n)).max().item())"
    )
    for isa in ("AVX2", "AVX512_CORE", "ALL"):
        environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": isa}
        done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
        assert float(done.stdout) == pytest.approx(384, rel=0.01)
