"""Question to hits: query terms, hybrid search, reranking, answerability, and the LangChain retriever."""

from rag.retrieval.answerability import Answerability, assess_answerability
from rag.retrieval.hybrid import rank_fusion, retrieve
from rag.retrieval.langchain import retriever
from rag.retrieval.query_terms import query_terms
from rag.retrieval.rerank import rerank, term_coverage
from rag.retrieval.search import search_index

__all__ = [
    "Answerability",
    "assess_answerability",
    "query_terms",
    "rank_fusion",
    "rerank",
    "retrieve",
    "retriever",
    "search_index",
    "term_coverage",
]
