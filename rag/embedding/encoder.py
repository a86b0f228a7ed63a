"""An encoder for the index that sentence-transformers loads: ``--embedder`` with a directory or an id of the model hub.

The default, the packaged all-MiniLM-L6-v2, is encoded without it by :mod:`rag.embedding.minilm_encoder`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from rag._internal.processor import Precision, best_precision
from rag.embedding.batching import CACHED_TEXTS, TEXTS_PER_BATCH, TOKENS_PER_BATCH, WIDTH_STEP, Batcher
from rag.errors import CitebriefError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    Vectors = NDArray[np.float32]


class Encoder(Embeddings):
    """A sentence-transformers model as a LangChain ``Embeddings``. The model is loaded on first use.

    Args:
        path: a directory, or the id of a model on the hub.
        name: see :class:`rag.embedding.embedder.Embedder`. It does not say the precision, because vectors of all
            precisions are used with each other.
        offline: do not look for the model on the hub.
        precision: of the linear layers; by default bf16 or fp32, whichever this processor multiplies faster. Vectors
            are float32 and normalised in it.
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
        from rag.embedding.precision import convert_linear_layers

        return convert_linear_layers(self.model, self.precision)

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

    def _encode_texts(self, texts: list[str]) -> list[Vectors]:
        rows = self._run_model(self._text_model, texts, normalize_embeddings=True)
        found = {i: row.copy() for i, row in rows}  # a copy, because a view in the cache would keep its batch alive
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

    def _tokenize(self, texts: list[str]) -> Any:
        return self.model.tokenizer(texts, truncation=True, max_length=self.model.max_seq_length)
