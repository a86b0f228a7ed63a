"""The interface of embedders, and how a spec such as ``minilm`` selects one that runs in this process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rag.embedding.minilm import minilm_directory
from rag.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.embedding.minilm_encoder import MiniLMEncoder

EmbedWords = Callable[[Sequence[str]], "list[tuple[list[str], NDArray[np.float32]]]"]
"""Maps texts to their words, lower case, and the words' unit vectors in context (float32, words × dimensions)."""


@runtime_checkable
class Embedder(Protocol):
    """What the index needs of an embedder.

    Attributes:
        name: identifies the model and its weights; an index is used only with the embedder that built it.
        batch_size: the number of texts to pass to :meth:`vectors` at a time.
    """

    name: str
    batch_size: int

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, one row per text."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text."""
        ...


_LOADING = threading.Lock()


def load_embedder(spec: str) -> Embedder:
    """Return the embedder that ``spec`` names: ``minilm``, or a sentence-transformers id or path.

    :func:`rag.llm.open_embedder` also opens those that a server computes. Calls with the same spec return the same
    embedder, which caches vectors and may be used by several threads.

    Raises:
        UsageError: the packaged model is not installed, a path does not exist, or a server computes the embedder.
    """
    with _LOADING:
        return _create_embedder(spec)


def load_encoder() -> MiniLMEncoder:
    """Return the packaged MiniLM encoder, with which sentences are compared and words aligned in any index.

    It encodes the queries of ``minilm`` too, in fp32.

    Raises:
        UsageError: the packaged model is not installed.
    """
    with _LOADING:
        return _create_encoder()


@lru_cache(maxsize=1)
def _create_encoder() -> MiniLMEncoder:
    from rag.embedding.minilm_encoder import MiniLMEncoder

    minilm_directory()  # raises where it is not installed, before anything is embedded
    return MiniLMEncoder()


@lru_cache(maxsize=4)
def _create_embedder(spec: str) -> Embedder:
    if spec.startswith("openai:"):
        raise UsageError(f"embedder {spec} is computed by a server: open it with rag.llm.open_embedder")
    if spec == "minilm":
        from rag.embedding.minilm_encoder import PackagedEmbedder

        return PackagedEmbedder(_create_encoder())
    from rag.embedding.encoder import Encoder

    if spec.startswith((".", "/", "~")):
        directory = Path(spec).expanduser()
        if not directory.is_dir():
            raise UsageError(f"embedder {spec}: no such folder")
        return Encoder(str(directory), name=f"{directory.name}@{_weights_digest(directory)}", offline=True)
    return Encoder(spec, name=spec, offline=False)


def _weights_digest(directory: Path) -> str:
    """Return the first 8 hex digits of SHA-256 over the first weights file, or "unknown" if there is none."""
    for weights in sorted(directory.glob("*.safetensors")):
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:8]
    return "unknown"
