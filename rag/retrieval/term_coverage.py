"""Term coverage by late interaction: how well the words of passages match the words of the question.

One vector a passage shows that "Why was nobody charged over the meeting?" is about a meeting; only single words show
that it asks about charges. Each word of the question takes the most similar word of the passage in its context, as in
ColBERT (Khattab & Zaharia, SIGIR 2020), with the encoder that is loaded already. A word weighs as much as the best
passage matches it better than the median one: a word that every passage matches ("meeting") tells none from another.

The outline chooses evidence by it. Search does not: it made no ranking better, and takes a second or two a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval.query_terms import query_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.embedding import EmbedWords

    Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermCoverageParameters:
    """The constants of :func:`term_coverage`."""

    min_weight: float = 0.05
    """Weight of a word that all passages match equally well."""

    min_gain: float = 0.15
    """Where no word weighs this much, the question is broad ("the links between …") and its words rank no passage."""


_PARAMETERS = TermCoverageParameters()


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
