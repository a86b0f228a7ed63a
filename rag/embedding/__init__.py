"""Texts to vectors: the encoder, its token states, and batching across threads."""
