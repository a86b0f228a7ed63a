"""The LangChain retriever ranks as ``citebrief search`` does. Real corpus and encoder."""

from __future__ import annotations

import pytest

from rag import pipeline
from rag.config import Settings
from rag.retrieval import index_retriever
from rag.store import Index
from rag.types import Filter

pytestmark = pytest.mark.integration

QUESTION = "Why was nobody charged over the June 9 meeting?"


def test_the_retriever_finds_what_search_finds_in_the_same_order(corpus: Settings, corpus_index: Index) -> None:
    hits = pipeline.search(QUESTION, corpus, k=8)
    documents = index_retriever(corpus_index, k=8).invoke(QUESTION)
    assert [document.id for document in documents] == [hit.chunk.id for hit in hits]
    assert [document.metadata["score"] for document in documents] == [hit.score for hit in hits]


def test_the_retriever_reranks_as_search_does_where_it_is_told_to(corpus: Settings, corpus_index: Index) -> None:
    hits = pipeline.search(QUESTION, corpus, k=8, rerank=True)
    documents = index_retriever(corpus_index, k=8, rerank=True).invoke(QUESTION)
    assert [document.id for document in documents] == [hit.chunk.id for hit in hits]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [hit.chunk.id for hit in pipeline.search(QUESTION, corpus, k=8)] != [hit.chunk.id for hit in hits]


def test_the_retriever_is_narrowed_by_a_filter_as_search_is(corpus: Settings, corpus_index: Index) -> None:
    where = Filter(document="*apollo*")
    hits = pipeline.search(QUESTION, corpus, k=3, where=where)
    documents = index_retriever(corpus_index, k=3, where=where).invoke(QUESTION)
    assert [document.id for document in documents] == [hit.chunk.id for hit in hits]
    assert {document.metadata["document_id"] for document in documents} == {"apollo-guidance-computer.html"}


def test_a_document_carries_the_place_rank_and_score_of_its_chunk(corpus_index: Index) -> None:
    from langchain_core.retrievers import BaseRetriever

    found = index_retriever(corpus_index, k=1)
    assert isinstance(found, BaseRetriever)
    (document,) = found.invoke("What caused the program alarms of Apollo 11?")
    metadata = document.metadata
    assert (metadata["document_id"], metadata["rank"]) == ("apollo-guidance-computer.html", 1)
    whole = corpus_index.catalogue.document(metadata["document_id"])
    assert whole is not None
    assert whole.text[metadata["start"] : metadata["end"]] == document.page_content
