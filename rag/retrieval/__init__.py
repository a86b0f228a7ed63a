"""Question to hits: hybrid search, reranking, and whether the hits can answer the question."""
