"""Training of the packaged reranker."""
