"""Question to hits: rewording, query terms, hybrid search, reranking, answerability, and the LangChain retriever."""

from rag.retrieval.answerability import Answerability, assess_answerability
from rag.retrieval.fusion import combine_scores
from rag.retrieval.hybrid import retrieve
from rag.retrieval.langchain import index_retriever
from rag.retrieval.query_terms import query_terms
from rag.retrieval.rerank import rerank, term_coverage
from rag.retrieval.rewording import reword_query, rewording_notices
from rag.retrieval.search import search_index

__all__ = [
    "Answerability",
    "assess_answerability",
    "combine_scores",
    "index_retriever",
    "query_terms",
    "rerank",
    "retrieve",
    "reword_query",
    "rewording_notices",
    "search_index",
    "term_coverage",
]
