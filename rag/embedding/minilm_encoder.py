"""The packaged encoder for chunks, questions, sentences and words, which runs without importing sentence-transformers.

Its vectors of texts in fp32 equal those that sentence-transformers computes, except for rounding (less than 1e-6 in
each coordinate).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from rag._internal.processor import ChunkPrecision, best_chunk_precision
from rag.embedding.batching import CACHED_TEXTS, TEXTS_PER_BATCH, TOKENS_PER_BATCH, WIDTH_STEP, Batcher
from rag.embedding.minilm import load_tokenizer
from rag.embedding.minilm_network import MiniLMNetwork
from rag.text import word_spans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Encoding

    Vectors = NDArray[np.float32]
    WordVectors = tuple[list[str], Vectors]

DIMENSIONS = 384

MAX_TEXT_TOKENS = 254
"""Tokens of a text that are encoded, without the two special ones: the model's limit."""

CACHED_WORDS = 65_536
"""Number of word vectors that are cached; each takes 1.5 kB."""


class MiniLMEncoder:
    """The packaged all-MiniLM-L6-v2 as an :class:`rag.embedding.Embedder`. The weights are loaded on first use.

    Args:
        precision: of the network; vectors are float32 in any, and those of all precisions are used with each other.
        network: a network that is loaded already.
    """

    name = "minilm"
    batch_size = TEXTS_PER_BATCH

    def __init__(self, precision: ChunkPrecision = "fp32", network: MiniLMNetwork | None = None) -> None:
        self.precision: ChunkPrecision = network.precision if network else precision
        self._network = network
        self._loading = threading.Lock()
        self._batched_texts = Batcher(self._encode_texts, cache_size=CACHED_TEXTS)
        self._batched_words = Batcher(self._encode_words, cache_size=CACHED_WORDS, size_of=lambda found: len(found[0]))

    @property
    def network(self) -> MiniLMNetwork:
        """The loaded network, for other outputs than texts and words.

        Raises:
            UsageError: the packaged model is not installed.
        """
        with self._loading:
            self._network = self._network or _load_network(self.precision)
            return self._network

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors (float32, texts × 384); longer texts end after :data:`MAX_TEXT_TOKENS` tokens."""
        import numpy as np

        rows = self._batched_texts(texts)
        return np.stack(rows) if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)

    def embed_query(self, text: str) -> list[float]:
        """Return the unit vector of one text."""
        return [float(x) for x in self.vectors([text])[0]]

    def word_vectors(self, texts: Sequence[str]) -> list[WordVectors]:
        """Return for each text its words, lower case, and a unit vector per word: the mean of its tokens in context.

        The same pass gives the vectors of the texts, so that :meth:`vectors` need not compute them afterwards.
        """
        return self._batched_words(texts)

    def _encode_texts(self, texts: list[str]) -> list[Vectors]:
        found = {i: _pool_text(states) for i, _, states in self._run_network(texts)}
        return [found[i] for i in range(len(texts))]

    def _encode_words(self, texts: list[str]) -> list[WordVectors]:
        found: dict[int, WordVectors] = {}
        of_texts: dict[str, Vectors] = {}
        for i, tokens, states in self._run_network(texts):
            found[i] = _pool_words(texts[i], tokens, states[1:-1])
            of_texts[texts[i]] = _pool_text(states)
        self._batched_texts.remember(of_texts)
        return [found[i] for i in range(len(texts))]

    def _run_network(self, texts: list[str]) -> Iterator[tuple[int, Encoding, Vectors]]:
        """Yield the index of each text, its tokens and the last layer's states of these and the two special tokens.

        They are ordered by width: see :data:`rag.embedding.batching.WIDTH_STEP`.
        """
        encodings = load_tokenizer().encode_batch(texts, add_special_tokens=False)
        widths: defaultdict[int, list[int]] = defaultdict(list)
        for i, tokens in enumerate(encodings):
            tokens.truncate(MAX_TEXT_TOKENS)
            widths[-(-(len(tokens.ids) + 2) // WIDTH_STEP) * WIDTH_STEP].append(i)
        for width, indices in sorted(widths.items()):
            size = max(1, TOKENS_PER_BATCH // width)
            for start in range(0, len(indices), size):
                batch = indices[start : start + size]
                states = self.network.hidden_states([encodings[i].ids for i in batch], width)[-1].numpy()
                for i, row in zip(batch, states, strict=True):
                    yield i, encodings[i], row[: len(encodings[i].ids) + 2]


class PackagedEmbedder:
    """The packaged model for an index: chunks in the fastest precision of this processor, queries in fp32.

    Args:
        queries: the encoder for queries.
        precision: of the encoder for chunks, by default the fastest one.
    """

    name = "minilm"
    batch_size = TEXTS_PER_BATCH

    def __init__(self, queries: MiniLMEncoder, precision: ChunkPrecision | None = None) -> None:
        self._queries = queries
        self._precision = precision

    @cached_property
    def _chunks(self) -> MiniLMEncoder:
        precision = self._precision or best_chunk_precision()
        return self._queries if precision == self._queries.precision else MiniLMEncoder(precision)

    @property
    def precision(self) -> ChunkPrecision:
        """The precision in which chunks are encoded."""
        return self._chunks.precision

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of chunks (float32, texts × 384)."""
        return self._chunks.vectors(texts)

    def embed_query(self, text: str) -> list[float]:
        """Return the unit vector of a query."""
        return self._queries.embed_query(text)


def _load_network(precision: ChunkPrecision) -> MiniLMNetwork:
    if precision == "int8":
        from rag.embedding.minilm_int8 import Int8Network

        return Int8Network.load(precision)
    return MiniLMNetwork.load(precision)


def _pool_text(states: Vectors) -> Vectors:
    """Return the vector of a text from the ``states`` of its tokens, special ones included."""
    import numpy as np

    mean = states.mean(axis=0)
    unit: Vectors = mean / np.maximum(np.linalg.norm(mean), 1e-12)
    return unit


def _pool_words(text: str, tokens: Encoding, states: Vectors) -> WordVectors:
    """Return the words of ``text`` and their vectors from the ``states`` of its tokens."""
    import numpy as np

    starts, ends = [start for start, _ in tokens.offsets], [end for _, end in tokens.offsets]
    words, rows = [], []
    for word, start, end in word_spans(text):
        first = last = bisect_left(starts, start)
        while last < len(ends) and ends[last] <= end:
            last += 1
        if last > first:
            words.append(word.lower())
            rows.append(states[first:last].mean(axis=0))
    stacked = np.array(rows, dtype=np.float32).reshape(len(rows), DIMENSIONS)
    return words, stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)
