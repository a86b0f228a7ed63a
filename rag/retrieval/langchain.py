"""An index as a LangChain retriever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.config import Settings
from rag.retrieval.search import search_index
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

    from rag.store import Index


def retriever(index: Index | Settings, *, k: int = 10, where: Filter | None = None) -> BaseRetriever:
    """Return a LangChain retriever over ``index`` that finds and ranks as ``citebrief search`` does.

    The metadata of each of its documents are the place, rank and score of the chunk.

    Args:
        index: an open index, or the settings that name its store and embedder; it is then opened, and stays open as
            long as the retriever exists.
        k: hits a query.
        where: narrows the documents.

    Raises:
        IndexMissing, IndexMismatch: settings name no index, or one that another embedder built.
    """
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class IndexRetriever(BaseRetriever):
        """Hybrid retrieval and reranking over a citebrief index."""

        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            return [
                Document(id=hit.chunk.id, page_content=hit.chunk.text, metadata=_metadata(hit))
                for hit in search_index(opened, query, k=k, where=where)
            ]

    opened = _opened(index) if isinstance(index, Settings) else index
    return IndexRetriever()


def _opened(settings: Settings) -> Index:
    from rag.embedding import load_embedder
    from rag.store import Index

    return Index.open(settings.store, load_embedder(settings.embedder))


def _metadata(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "chunk_id": chunk.id,
        "document_id": chunk.document_id,
        "title": chunk.title,
        "source": chunk.source,
        "date": chunk.date,
        "heading_path": list(chunk.heading_path),
        "pages": list(chunk.pages) if chunk.pages else None,
        "start": chunk.start,
        "end": chunk.end,
        "rank": hit.rank,
        "score": hit.score,
    }
