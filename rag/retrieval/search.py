"""Search as the product does it: the one ranking that the command line, briefs and the LangChain retriever share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.retrieval.hybrid import retrieve
from rag.retrieval.rewording import reword_query
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from rag.store import Index


def search_index(index: Index, question: str, *, k: int, where: Filter | None = None) -> list[Hit]:
    """Return the ``k`` best hits of ``index`` for ``question`` by hybrid retrieval, best first.

    The question is reworded first, so that typing errors and other spellings find what is meant.
    """
    return retrieve(index, reword_query(index, question), k=k, where=where)
