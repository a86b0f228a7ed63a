"""Hits in the order in which they meet the question word by word: late interaction, after the first retrieval.

One vector a passage tells that "Why was nobody charged over the meeting?" is about a meeting; that it turns on charges
is told by single words. Each word of the question finds the most similar word of the passage in its context, as in
ColBERT (Khattab & Zaharia, SIGIR 2020), with the encoder that is there anyway. Words weigh by how much better the best
passage meets them than the median one: a word that every passage meets ("meeting") tells none from the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rag.embedding import EmbedWords
from rag.retrieval.hybrid import retrieve
from rag.retrieval.query_terms import query_terms
from rag.store import Index
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

POOL = 60
"""Hits that are ranked anew. Reading their words takes two seconds on two cores."""

LEAST = 0.05
"""What a word weighs that all passages meet alike."""

TELLING = 0.15
"""Where no word weighs as much, the words tell no passage from another: a broad question ("the links between …")."""


def rerank(index: Index, question: str, embed_words: EmbedWords, *, k: int, where: Filter | None = None) -> list[Hit]:
    """The ``k`` hits that answer ``question`` best. A score is the passage's cosine plus how far it meets the words."""
    hits = retrieve(index, question, k=max(k, POOL), where=where)
    if not hits:
        return []
    vector = np.array(index.embedder.embed_query(question), dtype=np.float32)
    near = index.vectors([hit.chunk for hit in hits]) @ vector
    met = term_coverage(question, [f"{hit.chunk.context}\n{hit.chunk.text}" for hit in hits[:POOL]], embed_words)
    scores = near + np.pad(met, (0, len(hits) - len(met)))
    order = np.argsort(-scores, kind="stable")[:k]
    return [replace(hits[i], rank=rank, score=float(scores[i])) for rank, i in enumerate(order, 1)]


def term_coverage(question: str, texts: Sequence[str], embed_words: EmbedWords) -> Vectors:
    """How far each of ``texts`` meets the words that ``question`` turns on, 0 to 1; all 0 where no word tells."""
    asked = {word.lower() for word in query_terms(question)}
    (words, vectors), *passages = embed_words([question, *texts])
    turned_on = vectors[[i for i, word in enumerate(words) if word in asked]]
    met = np.array([(theirs @ turned_on.T).max(axis=0, initial=0.0) for _, theirs in passages])
    better = met.max(axis=0) - np.median(met, axis=0)
    if better.max(initial=0.0) < TELLING:
        return np.zeros(len(texts), dtype=np.float32)
    weights = np.maximum(better, LEAST)
    share: Vectors = np.clip(met @ weights / weights.sum(), 0.0, 1.0)
    return share
