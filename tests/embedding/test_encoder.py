"""A text has the same vector, to the last bit, whatever the batch or thread in which it is computed."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import numpy as np
import pytest

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


def new_encoder() -> Encoder:
    """An encoder with an empty cache."""
    return Encoder(str(minilm_directory()), name="minilm", offline=True)


def test_other_texts_of_a_batch_do_not_change_a_vector(texts: list[str]) -> None:
    one_by_one, batched = new_encoder(), new_encoder()
    shuffled = random.Random(7).sample(texts, len(texts))
    assert np.array_equal(batched.vectors(shuffled), np.concatenate([one_by_one.vectors([text]) for text in shuffled]))


def test_threads_that_share_an_encoder_get_the_vectors_of_a_single_thread(texts: list[str]) -> None:
    shared, found = new_encoder(), dict[int, object]()
    expected = new_encoder().vectors(texts)

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
