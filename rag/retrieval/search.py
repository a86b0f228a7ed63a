"""Search as the product does it: the one ranking that the command line, briefs and the LangChain retriever share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.retrieval.hybrid import retrieve
from rag.retrieval.rewording import reword_query
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from rag.store import Index


def search_index(
    index: Index, question: str, *, k: int, where: Filter | None = None, rerank: bool = False
) -> list[Hit]:
    """Return the ``k`` best hits of ``index`` for ``question`` by hybrid retrieval, best first.

    The question is reworded first, so that typing errors and other spellings find what is meant. With ``rerank`` the
    packaged cross-encoder reads the best hits and orders them anew, which takes about a second.
    """
    query = reword_query(index, question)
    if not rerank:
        return retrieve(index, query, k=k, where=where)
    from rag.retrieval.reranker import load_rerank_model, rerank_with_model

    return rerank_with_model(index, query, load_rerank_model(), k=k, where=where)
