"""Batches and embedding on a Ray cluster: an optional extra, of which nothing is imported before it is used.

``engine.answer_many_on_ray`` answers questions, ``embedding.ray_embedder`` embeds texts, ``cluster`` connects.
"""
