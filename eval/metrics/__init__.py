"""Metrics of citations and of retrieval, and confidence intervals for their means."""
