"""A text's vector is its own: the same to the last bit in whatever company, batch or thread it is made."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import numpy as np
import pytest

from rag.embedding import minilm_directory
from rag.embedding.encoder import Encoder
from rag.embedding.tokens import TokenEncoder

CORPUS = Path(__file__).parents[2] / "corpus"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Sentences and passages of all lengths."""
    read = (CORPUS / "seychelles-meeting.txt").read_text().replace("\n", " ")
    sentences = [f"{part.strip()}." for part in read.split(". ")[:40]]
    return list(dict.fromkeys([*sentences, *(read[i : i + 700] for i in range(0, 5_600, 700))]))


def fresh() -> Encoder:
    """One that knows no text yet."""
    return Encoder(str(minilm_directory()), name="minilm", offline=True)


def test_company_does_not_change_a_vector(texts: list[str]) -> None:
    embedder = fresh()
    alone = {text: embedder._encode([text])[0] for text in texts}
    words = {text: embedder._encode_words([text])[0][1] for text in texts}
    shuffled = random.Random(7).sample(texts, len(texts))
    assert all(np.array_equal(v, alone[t]) for t, v in zip(shuffled, embedder._encode(shuffled), strict=True))
    assert all(
        np.array_equal(vectors, words[text])
        for text, (_, vectors) in zip(shuffled, embedder._encode_words(shuffled), strict=True)
    )


def test_company_does_not_change_what_the_verifier_reads(texts: list[str]) -> None:
    encoder = TokenEncoder.load(fresh().model[0].auto_model)
    alone = {text: encoder.encode([text])[0] for text in texts}
    for found in encoder.encode(texts[::-1]):
        assert np.array_equal(found.low, alone[found.text].low)
        assert np.array_equal(found.high, alone[found.text].high)


def test_threads_that_share_an_embedder_get_what_each_would_alone(texts: list[str]) -> None:
    shared, found = fresh(), dict[int, object]()
    expected = fresh().vectors(texts)

    def ask(start: int) -> None:
        found[start] = shared.vectors(texts[start::4])

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[start], expected[start::4]) for start in range(4))


def test_no_text_and_a_text_without_a_word_have_no_vectors_of_words() -> None:
    embedder = fresh()
    assert embedder.vectors([]).shape == (0, 384)
    ((words, vectors),) = embedder.word_vectors(["… !"])
    assert (words, vectors.shape) == ([], (0, 384))
