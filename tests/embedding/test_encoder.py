"""A text has the same vector, to the last bit, whatever the batch or thread in which it is computed."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import numpy as np
import pytest

from rag._internal.processor import Precision
from rag.embedding import minilm_directory
from rag.embedding.encoder import Encoder

pytestmark = pytest.mark.integration

CORPUS = Path(__file__).parents[2] / "corpus"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Sentences and passages of many lengths."""
    content = (CORPUS / "seychelles-meeting.txt").read_text().replace("\n", " ")
    sentences = [f"{part.strip()}." for part in content.split(". ")[:40]]
    return list(dict.fromkeys([*sentences, *(content[i : i + 700] for i in range(0, 5_600, 700))]))


def new_encoder(precision: Precision | None = None) -> Encoder:
    """An encoder with an empty cache."""
    return Encoder(str(minilm_directory()), name="minilm", offline=True, precision=precision)


def test_vectors_in_bf16_are_float32_unit_vectors_near_those_in_fp32(texts: list[str]) -> None:
    expected, found = new_encoder("fp32").vectors(texts), new_encoder("bf16").vectors(texts)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert float((found * expected).sum(axis=1).min()) > 0.9995


@pytest.mark.parametrize(("precision", "rounding"), [("fp32", 0.0), ("bf16", 1e-3)])
def test_other_texts_of_a_batch_change_a_vector_by_rounding_at_most(
    texts: list[str], precision: Precision, rounding: float
) -> None:
    one_by_one, batched = new_encoder(precision), new_encoder(precision)
    shuffled = random.Random(7).sample(texts, len(texts))
    alone = np.concatenate([one_by_one.vectors([text]) for text in shuffled])
    assert np.abs(batched.vectors(shuffled) - alone).max() <= rounding


def test_threads_that_share_an_encoder_get_the_vectors_of_a_single_thread(texts: list[str]) -> None:
    shared, found = new_encoder("fp32"), dict[int, object]()
    expected = new_encoder("fp32").vectors(texts)

    def encode(start: int) -> None:
        found[start] = shared.vectors(texts[start::4])

    threads = [threading.Thread(target=encode, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[start], expected[start::4]) for start in range(4))


def test_no_texts_give_an_empty_array() -> None:
    assert new_encoder().vectors([]).shape == (0, 384)
