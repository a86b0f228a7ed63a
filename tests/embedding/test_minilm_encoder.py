"""The packaged encoder gives the vectors of sentence-transformers, whatever the batch, and does not import it."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.embedding import minilm_directory
from rag.embedding.encoder import Encoder
from rag.embedding.minilm_encoder import MiniLMEncoder, PackagedEmbedder

pytestmark = pytest.mark.integration

CORPUS = Path(__file__).parents[2] / "corpus"

UNUSUAL = [
    "",
    " ",
    "… !",
    "Naïve façade, ÅNGSTRÖM: straße №5 — “don’t” and 'can't'",
    "北京 東京 서울 и Москва",
    "a\u200bb\u00a0c\tdef\x00g 🙂 [MASK] [SEP]",
    "internationalization" * 30,
    "word " * 253,
    "word " * 254,
    "word " * 255,
    "word " * 900,
]
"""Texts that tokenizers treat specially, and texts about as long as the model's limit and longer."""


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Unusual texts, sentences and passages of many lengths."""
    content = (CORPUS / "seychelles-meeting.txt").read_text().replace("\n", " ")
    sentences = [f"{part.strip()}." for part in content.split(". ")[:30]]
    passages = [content[i : i + 700] for i in range(0, 5_600, 700)]
    return random.Random(7).sample([*UNUSUAL, *sentences, *passages], len(UNUSUAL) + len(sentences) + len(passages))


@pytest.fixture(scope="module")
def reference() -> Encoder:
    """The same model as sentence-transformers loads it, without an encoder for queries."""
    return Encoder(str(minilm_directory()), name="minilm", offline=True, precision="fp32")


def test_vectors_of_texts_equal_those_of_sentence_transformers(texts: list[str], reference: Encoder) -> None:
    vectors = MiniLMEncoder().vectors(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, reference.vectors(texts), rtol=0, atol=1e-6)


def test_vectors_of_texts_that_their_words_were_computed_with_are_the_same(texts: list[str]) -> None:
    encoder = MiniLMEncoder()
    encoder.word_vectors(texts[:12])
    np.testing.assert_array_equal(encoder.vectors(texts), MiniLMEncoder().vectors(texts))


def test_the_vector_of_a_word_is_the_mean_of_its_token_embeddings(reference: Encoder) -> None:
    text = "Papadopoulos's emails, “re-sent” in 2016."
    ((words, vectors),) = MiniLMEncoder().word_vectors([text])
    assert words == ["papadopoulos", "emails", "re-sent", "in", "2016"]
    (states,) = reference.model.encode([text], output_value="token_embeddings")
    offsets = reference.model.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    for written, vector in zip(["Papadopoulos's", "emails", "re-sent", "in", "2016"], vectors, strict=True):
        start = text.index(written)
        inside = [i for i, (a, b) in enumerate(offsets) if b > a >= start and b <= start + len(written)]
        mean = states[inside].mean(dim=0)
        np.testing.assert_allclose(vector, (mean / mean.norm()).cpu().numpy(), rtol=0, atol=1e-6)


def test_other_texts_of_a_batch_do_not_change_a_vector(texts: list[str]) -> None:
    one_by_one, batched = MiniLMEncoder(), MiniLMEncoder()
    assert np.array_equal(batched.vectors(texts), np.concatenate([one_by_one.vectors([text]) for text in texts]))
    for text, (words, vectors) in zip(texts, batched.word_vectors(texts), strict=True):
        ((same_words, same_vectors),) = one_by_one.word_vectors([text])
        assert words == same_words
        assert np.array_equal(vectors, same_vectors)


def test_no_texts_and_a_text_without_words_give_empty_arrays() -> None:
    encoder = MiniLMEncoder()
    assert encoder.vectors([]).shape == (0, 384)
    ((words, vectors),) = encoder.word_vectors(["… !"])
    assert (words, vectors.shape) == ([], (0, 384))


def test_vectors_in_bf16_are_float32_unit_vectors_near_those_in_fp32(texts: list[str]) -> None:
    expected, found = MiniLMEncoder("fp32").vectors(texts), MiniLMEncoder("bf16").vectors(texts)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert float((found * expected).sum(axis=1).min()) > 0.999


def test_other_texts_of_a_batch_change_a_vector_in_bf16_by_rounding_at_most(texts: list[str]) -> None:
    alone = np.concatenate([MiniLMEncoder("bf16").vectors([text]) for text in texts[:12]])
    assert np.abs(MiniLMEncoder("bf16").vectors(texts[:12]) - alone).max() <= 2e-3


def test_the_packaged_embedder_encodes_chunks_in_its_precision_and_queries_in_fp32(texts: list[str]) -> None:
    queries = MiniLMEncoder()
    embedder = PackagedEmbedder(queries, "bf16")
    assert np.array_equal(embedder.vectors(texts), MiniLMEncoder("bf16").vectors(texts))
    assert embedder.embed_query(texts[0]) == MiniLMEncoder().embed_query(texts[0])
    assert np.array_equal(PackagedEmbedder(queries, "fp32").vectors(texts), queries.vectors(texts))


def test_the_packaged_embedder_runs_without_the_libraries_above_torch() -> None:
    code = (
        "import sys; from rag.embedding import load_embedder; embedder = load_embedder('minilm'); "
        "embedder.embed_query('Who met whom?'); embedder.vectors(['They met.']); "
        "print([name for name in ('sentence_transformers', 'transformers', 'langchain_core') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
