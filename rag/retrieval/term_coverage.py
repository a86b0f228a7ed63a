"""Reranking by late interaction: hits are ordered by how well their words match the words of the question.

One vector a passage shows that "Why was nobody charged over the meeting?" is about a meeting; only single words show
that it asks about charges. Each word of the question takes the most similar word of the passage in its context, as in
ColBERT (Khattab & Zaharia, SIGIR 2020), with the encoder that is loaded already. A word weighs as much as the best
passage matches it better than the median one: a word that every passage matches ("meeting") tells none from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval.hybrid import retrieve
from rag.retrieval.query_terms import query_terms
from rag.types import Filter, Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.embedding import EmbedWords
    from rag.store import Index

    Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankParameters:
    """The constants of :func:`rerank` and :func:`term_coverage`."""

    pool: int = 60
    """Hits that are reranked. Encoding their words takes two seconds on two cores."""

    min_weight: float = 0.05
    """Weight of a word that all passages match equally well."""

    min_gain: float = 0.15
    """Where no word weighs this much, the question is broad ("the links between …") and its words rank no passage."""


_PARAMETERS = RerankParameters()


def rerank(index: Index, question: str, embed_words: EmbedWords, *, k: int, where: Filter | None = None) -> list[Hit]:
    """Return the ``k`` hits that answer ``question`` best, best first.

    A hit's score is its cosine with the question plus its term coverage, which the hit carries. Hits beyond the
    ``pool`` have no term coverage.
    """
    hits = retrieve(index, question, k=max(k, _PARAMETERS.pool), where=where)
    if not hits:
        return []
    vector = np.array(index.embedder.embed_query(question), dtype=np.float32)
    cosine = index.vectors([hit.chunk for hit in hits]) @ vector
    texts = [f"{hit.chunk.context}\n{hit.chunk.text}" for hit in hits[: _PARAMETERS.pool]]
    coverage = np.pad(term_coverage(question, texts, embed_words), (0, len(hits) - len(texts)))
    scores = cosine + coverage
    order = np.argsort(-scores, kind="stable")[:k]
    return [
        replace(hits[i], rank=rank, score=float(scores[i]), term_coverage=float(coverage[i]))
        for rank, i in enumerate(order, 1)
    ]


def term_coverage(question: str, texts: Sequence[str], embed_words: EmbedWords) -> Vectors:
    """Return how well each of ``texts`` matches the query terms of ``question``, 0 to 1.

    All are 0 where no term tells one of the texts from the others.
    """
    terms = {word.lower() for word in query_terms(question)}
    (words, vectors), *passages = embed_words([question, *texts])
    term_vectors = vectors[[i for i, word in enumerate(words) if word in terms]]
    matches = np.array([(found @ term_vectors.T).max(axis=0, initial=0.0) for _, found in passages])
    gain = matches.max(axis=0) - np.median(matches, axis=0)
    if gain.max(initial=0.0) < _PARAMETERS.min_gain:
        return np.zeros(len(texts), dtype=np.float32)
    weights = np.maximum(gain, _PARAMETERS.min_weight)
    share: Vectors = np.clip(matches @ weights / weights.sum(), 0.0, 1.0)
    return share
