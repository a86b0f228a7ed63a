"""An index as a LangChain retriever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.retrieval.search import search_index
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

    from rag.store import Index


def index_retriever(index: Index, *, k: int = 10, where: Filter | None = None, rerank: bool = False) -> BaseRetriever:
    """Return a LangChain retriever over ``index`` that finds and ranks as ``citebrief search`` does.

    With ``rerank`` it ranks as ``citebrief search --rerank``. The metadata of each of its documents are the place, rank
    and score of the chunk.
    """
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class IndexRetriever(BaseRetriever):
        """Hybrid retrieval over a citebrief index."""

        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            return [
                Document(id=hit.chunk.id, page_content=hit.chunk.text, metadata=_metadata(hit))
                for hit in search_index(index, query, k=k, where=where, rerank=rerank)
            ]

    return IndexRetriever()


def _metadata(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "chunk_id": chunk.id,
        "document_id": chunk.document_id,
        "title": chunk.title,
        "source": chunk.source,
        "date": chunk.date,
        "heading_path": list(chunk.heading_path),
        "items": list(chunk.items),
        "columns": chunk.columns,
        "pages": list(chunk.pages) if chunk.pages else None,
        "start": chunk.start,
        "end": chunk.end,
        "rank": hit.rank,
        "score": hit.score,
    }
