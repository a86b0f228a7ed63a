"""Embeddings of OpenAI or a compatible server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from rag.errors import CitebriefError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class OpenAIEmbedder(Embeddings):
    """Calls the embeddings endpoint through LangChain's ``OpenAIEmbeddings``."""

    batch_size = 512

    def __init__(self, model: str) -> None:
        from langchain_openai import OpenAIEmbeddings

        self.name = f"openai:{model}"
        self._embeddings = OpenAIEmbeddings(model=model)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, one row per text."""
        import numpy as np

        rows = np.array(self.embed_documents(list(texts)), dtype=np.float32)
        unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return unit

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed ``texts`` (LangChain's ``Embeddings``)."""
        import openai

        try:
            return self._embeddings.embed_documents(texts)
        except openai.OpenAIError as error:
            raise CitebriefError(
                f"embedder {self.name}: {type(error).__name__}; check OPENAI_API_KEY and the network"
            ) from error

    def embed_query(self, text: str) -> list[float]:
        """Embed one text (LangChain's ``Embeddings``)."""
        return [float(x) for x in self.vectors([text])[0]]
