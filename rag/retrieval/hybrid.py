"""Question → hits: dense and lexical retrieval, fused by reciprocal rank; also as a LangChain retriever.

Reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009) needs no scale on which a cosine and a BM25 score
compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag.store import Index
from rag.types import Chunk, Filter, Hit

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

RRF = 60
NEAR_DUPLICATE = 0.97
"""Chunks with a cosine above this are near-duplicates: the lower ranked one is left out."""


def retrieve(index: Index, question: str, *, k: int, where: Filter | None = None) -> list[Hit]:
    """The ``k`` best chunks of ``index`` for ``question``, near-duplicates removed, best first."""
    pool = max(2 * k, 50)
    runs = {
        "dense": [chunk for chunk, _ in index.dense(index.embedder.embed_query(question), pool, where)],
        "lexical": [chunk for chunk, _ in index.lexical(question, pool, where)],
    }
    fused = rank_fusion(runs)
    distinct = _distinct(index, [chunk for chunk, _, _ in fused[:pool]])
    kept = [entry for entry in fused if entry[0].id in distinct][:k]
    return [
        Hit(chunk=chunk, rank=rank, score=score, found_by=found_by)
        for rank, (chunk, score, found_by) in enumerate(kept, 1)
    ]


def rank_fusion(runs: dict[str, list[Chunk]]) -> list[tuple[Chunk, float, tuple[str, ...]]]:
    """Ranked lists → ``(chunk, sum of 1 / (60 + rank), names of the lists that have it)``, best first."""
    scores: dict[str, float] = defaultdict(float)
    found_by: dict[str, list[str]] = defaultdict(list)
    chunks: dict[str, Chunk] = {}
    for name, run in runs.items():
        for rank, chunk in enumerate(run, 1):
            chunks.setdefault(chunk.id, chunk)
            scores[chunk.id] += 1 / (RRF + rank)
            found_by[chunk.id].append(name)
    order = sorted(chunks, key=lambda id_: (-scores[id_], id_))
    return [(chunks[id_], scores[id_], tuple(found_by[id_])) for id_ in order]


def retriever(index: Index, *, k: int = 10, where: Filter | None = None) -> BaseRetriever:
    """``index`` as a LangChain retriever; each document's metadata is its chunk's place, rank and score."""
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class HybridRetriever(BaseRetriever):
        """Dense and lexical retrieval over a citebrief index."""

        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            return [
                Document(id=hit.chunk.id, page_content=hit.chunk.text, metadata=_metadata(hit))
                for hit in retrieve(index, query, k=k, where=where)
            ]

    return HybridRetriever()


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


def _distinct(index: Index, chunks: Sequence[Chunk]) -> set[str]:
    """The ids of ``chunks`` less those that say what an earlier one says."""

    if not chunks:
        return set()
    vectors = index.vectors(chunks)
    alike = vectors @ vectors.T >= NEAR_DUPLICATE
    kept: list[int] = []
    for i in range(len(chunks)):
        if not alike[i, kept].any():
            kept.append(i)
    return {chunks[i].id for i in kept}
