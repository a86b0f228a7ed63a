"""Texts → vectors: the encoder with sentence and word outputs, other embedders, and batching across threads.

Importing this package loads no model and none of the libraries that run one.
"""

from rag.embedding.embedder import Embedder, EmbedWords, load_embedder, load_encoder
from rag.embedding.minilm import count_tokens, minilm_directory, weights_are_genuine

__all__ = [
    "EmbedWords",
    "Embedder",
    "count_tokens",
    "load_embedder",
    "load_encoder",
    "minilm_directory",
    "weights_are_genuine",
]
