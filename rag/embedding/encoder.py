"""The encoder: one sentence-transformers model that gives vectors of texts and of the words in them.

The default is the packaged all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers & Gurevych, EMNLP 2019), which is
loaded from disk and never requested from a model hub.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from rag._internal.processor import Precision, best_precision
from rag.embedding.batching import Batcher
from rag.errors import CitebriefError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

    Vectors = NDArray[np.float32]
    WordVectors = tuple[list[str], Vectors]

WIDTH_STEP = 8
"""Texts are padded to a multiple of this many tokens, and a batch has texts of one width only.

The width of a batch changes a vector in its last bits, so a text's vector would otherwise depend on its neighbours.
"""

TOKENS_PER_BATCH = 1024
"""Tokens per forward pass. Larger batches are not faster on a CPU and soon exceed its cache."""

TEXTS_PER_BATCH = 512
"""Texts that the index embeds and stores at a time, so that its memory does not grow with the corpus."""

CACHED_TEXTS, CACHED_WORDS = 16_384, 65_536
"""Numbers of text vectors and of word vectors that are cached; each takes 1.5 kB."""


class Encoder(Embeddings):
    """A sentence-transformers model as a LangChain ``Embeddings``. The model is loaded on first use.

    Args:
        path: a directory, or the id of a model on the hub.
        name: see :class:`rag.embedding.embedder.Embedder`. It does not say the precision, because vectors of all
            precisions are used with each other.
        offline: do not look for the model on the hub.
        precision: of the linear layers when texts are encoded; by default bf16 or fp32, whichever this processor
            multiplies faster. Words are encoded in fp32. Vectors are float32 and normalised in it.
    """

    batch_size = TEXTS_PER_BATCH

    def __init__(self, path: str, *, name: str, offline: bool, precision: Precision | None = None) -> None:
        self.name = name
        self._path = path
        self._offline = offline
        self._precision = precision
        self._model: SentenceTransformer | None = None
        self._loading = threading.Lock()
        self._batched_texts = Batcher(self._encode_texts, cache_size=CACHED_TEXTS)
        self._batched_words = Batcher(self._encode_words, cache_size=CACHED_WORDS, size_of=lambda found: len(found[0]))

    @property
    def model(self) -> SentenceTransformer:
        """The loaded model.

        Raises:
            CitebriefError: it cannot be loaded.
        """
        with self._loading:
            self._model = self._model or self._load_model()
            return self._model

    @property
    def precision(self) -> Precision:
        """The precision in which texts are encoded."""
        return self._precision or best_precision()

    @cached_property
    def _text_model(self) -> SentenceTransformer:
        """The model in :attr:`precision`."""
        from rag.embedding.precision import with_precision

        return with_precision(self.model, self.precision)

    @property
    def transformer(self) -> Any:
        """The Hugging Face transformer inside the model, for other outputs than sentences and words."""
        return self.model[0].auto_model

    def _load_model(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        try:
            return SentenceTransformer(self._path, device="cpu", local_files_only=self._offline)
        except (OSError, ValueError) as error:
            raise CitebriefError(f"embedder {self.name}: cannot be loaded from {self._path}: {error}") from error

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors (float32, texts × dimensions); longer texts are truncated to the model's token limit."""
        import numpy as np

        rows = self._batched_texts(texts)
        return np.stack(rows) if rows else np.zeros((0, self.model.get_embedding_dimension() or 0), dtype=np.float32)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed ``texts`` (LangChain's ``Embeddings``)."""
        return [[float(x) for x in row] for row in self.vectors(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Embed one text (LangChain's ``Embeddings``)."""
        return self.embed_documents([text])[0]

    def word_vectors(self, texts: Sequence[str]) -> list[WordVectors]:
        """Return for each text its words, lower case, and a unit vector per word: the mean of its tokens in context."""
        return self._batched_words(texts)

    def _encode_texts(self, texts: list[str]) -> list[Vectors]:
        rows = self._run_model(self._text_model, texts, normalize_embeddings=True)
        found = {i: row.copy() for i, row in rows}  # a copy, because a view in the cache would keep its batch alive
        return [found[i] for i in range(len(texts))]

    def _encode_words(self, texts: list[str]) -> list[WordVectors]:
        rows = self._run_model(self.model, texts, output_value="token_embeddings")
        found = {i: self._pool_words(texts[i], row) for i, row in rows}
        return [found[i] for i in range(len(texts))]

    def _run_model(self, model: SentenceTransformer, texts: list[str], **options: Any) -> Iterator[tuple[int, Any]]:
        """Yield the index of each text and the output of ``model`` for it, ordered by width."""
        widths: defaultdict[int, list[int]] = defaultdict(list)
        for i, tokens in enumerate(self._tokenize(texts)["input_ids"]):
            widths[-(-len(tokens) // WIDTH_STEP) * WIDTH_STEP].append(i)
        padding = {"text": {"padding": True, "pad_to_multiple_of": WIDTH_STEP}}
        for width, indices in sorted(widths.items()):
            rows = model.encode(
                [texts[i] for i in indices],
                batch_size=max(1, TOKENS_PER_BATCH // width),
                show_progress_bar=False,
                processing_kwargs=padding,
                **options,
            )
            yield from zip(indices, rows, strict=True)

    def _pool_words(self, text: str, states: Tensor) -> WordVectors:
        import numpy as np

        offsets = self._tokenize(text, return_offsets_mapping=True)["offset_mapping"]
        matrix = states.float().cpu().numpy()[: len(offsets)]
        words, rows = [], []
        for match in re.finditer(r"[^\W_][\w’'-]*", text):
            inside = [i for i, (a, b) in enumerate(offsets) if b > a >= match.start() and b <= match.end()]
            if inside:
                words.append(re.sub(r"['’]s?$", "", match.group().lower()))
                rows.append(matrix[inside].mean(axis=0))
        stacked = np.array(rows, dtype=np.float32).reshape(len(rows), matrix.shape[1])
        return words, stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)

    def _tokenize(self, text: str | list[str], **options: bool) -> Any:
        return self.model.tokenizer(text, truncation=True, max_length=self.model.max_seq_length, **options)
