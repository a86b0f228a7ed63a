"""Find candidates for the queries of a collection with the product's own retrieval, and label the chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rag.embedding import count_tokens, load_encoder
from rag.ingest import Source, chunk_document, embedding_text
from rag.ingest.source import source_digest
from rag.retrieval import retrieve
from rag.store import Index
from rag.types import Chunk, Document, Hit, Skipped

from .collection import FULL, NONE, PART, Collection, Judgement, Query
from .mined import MinedCollection, MinedPassage, MinedQuery

CANDIDATES = 50
"""Hits of a query that are kept."""

_GRADES = {FULL: 2, PART: 1}


def mine(collection: Collection, indexes: Path) -> MinedCollection:
    """Return the queries of ``collection`` with their candidates.

    Args:
        collection: with the queries to mine.
        indexes: directory in which the index is made, or brought up to date if it is there.
    """
    chunks: defaultdict[str, list[Chunk]] = defaultdict(list)
    for document in collection.documents:
        chunks[document.id] = chunk_document(document, count_tokens=count_tokens)
    index = Index(str(indexes / collection.index), load_encoder())
    try:
        _fill(index, collection)
        queries = [
            mined_query(collection, query, retrieve(index, query.text, k=CANDIDATES), chunks)
            for query in collection.queries
        ]
    finally:
        index.close()
    passages = {
        chunk.id: MinedPassage(id=chunk.id, document=chunk.document_id, text=embedding_text(chunk, count_tokens))
        for of_document in chunks.values()
        for chunk in of_document
    }
    return MinedCollection(name=collection.name, queries=queries, passages=passages)


def _fill(index: Index, collection: Collection) -> None:
    """Index the documents, as one source; a run that was stopped leaves vectors that the next one uses."""
    digest = source_digest(f"{each.id}\0{each.title}\0{each.text}\0".encode() for each in collection.documents)
    source = Source(id="corpus", location=collection.index, root="", digest=digest)

    def extract(_: Source) -> tuple[list[Document], list[Skipped]]:
        return collection.documents, []

    def show(done: int, total: int) -> None:
        print(f"{collection.index}: {done} of {total} chunks embedded", flush=True)

    index.update([source], extract, [], before_embedding=lambda _: True, on_embedded=show)


def mined_query(
    collection: Collection, query: Query, hits: Sequence[Hit], chunks: Mapping[str, Sequence[Chunk]]
) -> MinedQuery:
    """Return ``query`` with ``hits`` as candidates and with labels.

    Args:
        collection: the query's.
        query: with its judgements.
        hits: best first.
        chunks: the chunks of each document.
    """
    found = [hit.chunk for hit in hits]
    labels: dict[str, float] = {}
    unknown: list[str] = []
    relevant: dict[str, int] = {}
    for judgement in query.judgements:
        of_document = chunks.get(judgement.document, ())
        of_chunks = chunk_labels(judgement, of_document, found)
        labels |= {id_: max(label, labels.get(id_, NONE)) for id_, label in of_chunks.items()}
        if judgement.label != NONE:
            if collection.by_document or not judgement.spans:
                unknown += [chunk.id for chunk in of_document if chunk.id not in of_chunks]
            if collection.by_document:
                relevant[judgement.document] = _GRADES[judgement.label]
            else:
                relevant |= {id_: _GRADES[label] for id_, label in of_chunks.items()}
    return MinedQuery(
        id=query.id,
        collection=collection.name,
        text=query.text,
        split=query.split,
        candidates=tuple(chunk.id for chunk in found),
        scores=tuple(round(hit.score, 5) for hit in hits),
        labels=labels,
        unknown=tuple(unknown),
        relevant=relevant,
        by_document=collection.by_document,
    )


def chunk_labels(judgement: Judgement, chunks: Sequence[Chunk], found: Sequence[Chunk]) -> dict[str, float]:
    """Return the labels that ``judgement`` gives to ``chunks`` of its document, by id.

    A chunk with all places that answer has the judgement's label, one with a part of them :data:`PART` at the most.
    Where the places are not known, the chunk that is found first is taken for the one that answers. In a document that
    does not answer no chunk does.
    """
    if judgement.label == NONE:
        return dict.fromkeys((chunk.id for chunk in chunks), NONE)
    if not judgement.spans:
        ranks = {chunk.id: rank for rank, chunk in enumerate(found)}
        best = min(chunks, key=lambda chunk: ranks.get(chunk.id, len(ranks)), default=None)
        return {} if best is None else {best.id: judgement.label}
    labels = {}
    for chunk in chunks:
        touched = [start < chunk.end and end > chunk.start for start, end in judgement.spans]
        inside = [chunk.start <= start and end <= chunk.end for start, end in judgement.spans]
        if any(touched):
            labels[chunk.id] = judgement.label if all(inside) else min(judgement.label, PART)
    return labels
