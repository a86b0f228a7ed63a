"""Choose the constants of retrieval on benchmarks with relevance judgements."""
