"""Search as the product does it: the one ranking that the command line, briefs and the LangChain retriever share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.retrieval.rerank import rerank
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from rag.store import Index


def search_index(index: Index, question: str, *, k: int, where: Filter | None = None) -> list[Hit]:
    """Return the ``k`` best hits of ``index`` for ``question``, best first: hybrid retrieval, then reranking.

    Words are compared with the packaged encoder, whatever embedder the index uses.
    """
    from rag.embedding import load_encoder

    return rerank(index, question, load_encoder().word_vectors, k=k, where=where)
