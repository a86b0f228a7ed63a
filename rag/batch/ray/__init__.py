"""Batches and embedding on a Ray cluster, an optional extra."""
