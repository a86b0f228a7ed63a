"""Reranking by a cross-encoder: a network that reads the question together with a passage, and the order it gives."""

from rag.retrieval.reranker.model import RerankModel, load_rerank_model
from rag.retrieval.reranker.ranking import combined_scores, rerank_with_model

__all__ = ["RerankModel", "combined_scores", "load_rerank_model", "rerank_with_model"]
