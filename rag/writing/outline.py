"""The outline of a brief: the best evidence sentences, in balanced sections, each sentence in one section.

No model is used. Sentences are chosen by maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998) and grouped by
correlation clustering (Bansal, Blum & Chawla, 2004) with bounds on the group sizes; without the bounds one section
gets eleven sentences and another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.embedding import EmbedWords
from rag.retrieval import term_coverage
from rag.types import Hit
from rag.writing.clustering import balanced_clusters
from rag.writing.disagreements import Conflict, find_conflicts
from rag.writing.evidence import EvidenceSentence, evidence_sentences, with_qualifications
from rag.writing.headings import headings_from_documents
from rag.writing.hit_relevance import near_hits, rate_hits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Embed = Callable[[Sequence[str]], "Vectors"]
"""Embeds texts as unit vectors, one per row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineWeights:
    """The tunables of :func:`make_outline`. Relevance is a cosine to the question plus weighted terms.

    Each term of the relevance, and each distance from the best hit or sentence, is on the scale of cosines.
    """

    max_candidates: int = 120
    """Largest number of candidate sentences that are embedded; it bounds the time until the draft."""

    sentences_per_section: int = 3
    """Mean number of sentences in a section."""

    max_hit_distance: float = 0.25
    """Drop hits whose relevance is this far below the best hit's: they lack a word that the question depends on."""

    max_document_distance: float = 0.22
    """Drop documents whose best hit is this far below the best of all: they are about a related subject."""

    context: float = 0.4
    """Weight of the cosine between the question and the sentence's title and headings."""

    term_coverage: float = 0.6
    """Weight of the share of the question's decisive words that the sentence itself covers."""

    hit_relevance: float = 0.75
    """Weight of the relevance of the sentence's hit: its cosine to the question plus its term coverage."""

    content: float = 0.1
    """Weight of the sentence's length up to ``typical_words``: a longer sentence states more."""

    typical_words: int = 22
    """Length of a sentence in words beyond which more words add nothing, and are a cost for a key point."""

    excess_word: float = 0.01
    """Penalty of a key point for each word beyond ``typical_words``."""

    best_hit_distance: float = 0.15
    """Sentences of hits within this distance of the best hit are on topic even if they do not name the subject."""

    off_topic_distance: float = 0.3
    """A sentence this far below the mean of the five most relevant ones is off topic."""

    off_topic_document_distance: float = 0.25
    """A document whose best sentence is this far below that mean is off topic as a whole."""

    relevance: float = 0.75
    """Share of relevance in the marginal relevance; the rest is the similarity to the sentences already chosen."""

    duplicate: float = 0.86
    """Cosine of two sentences above which they say the same thing."""

    reuse: float = 0.05
    """Penalty of a sentence for each one already chosen from its document: a broad question needs many documents."""

    same_document: float = 0.1
    """Bonus for the similarity of two sentences of the same document when sentences are grouped."""


DEFAULT_OUTLINE_WEIGHTS = OutlineWeights()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineSection:
    """A section: its evidence sentences in the order of the brief, and a heading from the documents."""

    heading: str
    evidence: tuple[EvidenceSentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The sections of a brief in order, and what its other parts are made from.

    ``key_points`` are the evidence sentences that sum the sections up, one per section. ``conflicts`` are pairs of
    evidence sentences on the question that contradict each other. ``broad`` is set where no word of the question tells
    one passage from another ("the links between …").
    """

    sections: tuple[OutlineSection, ...]
    key_points: tuple[EvidenceSentence, ...]
    conflicts: tuple[Conflict, ...] = ()
    broad: bool = False


def make_outline(
    question: str,
    hits: Sequence[Hit],
    embed: Embed,
    embed_words: EmbedWords,
    *,
    sections: int = 6,
    weights: OutlineWeights = DEFAULT_OUTLINE_WEIGHTS,
) -> Outline:
    """Choose evidence sentences for ``question`` from ``hits`` and group them into at most ``sections`` sections.

    A narrow question gives fewer sections, and hits without an evidence sentence give none.

    Args:
        question: the question.
        hits: the hits of :func:`rag.retrieval.search_index`, best first.
        embed: embeds texts.
        embed_words: embeds the words of texts.
        sections: the largest number of sections.
        weights: the tunables.
    """
    rated = rate_hits(question, hits, embed_words)
    broad = not any(each.coverage for each in rated)
    near = near_hits(
        [each for each in rated if any(True for _ in evidence_sentences([each.hit]))],
        weights.max_hit_distance,
        weights.max_document_distance,
    )
    candidates = list(evidence_sentences(each.hit for each in near))[: weights.max_candidates]
    if not candidates:
        return Outline(sections=(), key_points=())
    of_hit = {each.hit.chunk.id: each.relevance for each in near}
    contexts = list(dict.fromkeys(sentence.chunk.context for sentence in candidates))
    vectors = embed([question, *contexts, *(sentence.text for sentence in candidates)])
    query, context_cosines = vectors[0], vectors[1 : 1 + len(contexts)] @ vectors[0]
    vectors = vectors[1 + len(contexts) :]
    context_terms = dict(zip(contexts, weights.context * (context_cosines - context_cosines.mean()), strict=True))
    terms = [
        _content_term(sentence, weights)
        + context_terms[sentence.chunk.context]
        + weights.hit_relevance * of_hit[sentence.chunk.id]
        for sentence in candidates
    ]
    covered = 0.0 if broad else term_coverage(question, [sentence.text for sentence in candidates], embed_words)
    relevance = vectors @ query + weights.term_coverage * covered + np.array(terms, dtype=np.float32)
    candidates = [replace(each, relevance=float(own)) for each, own in zip(candidates, relevance, strict=True)]
    from_best_hits = np.array(
        [of_hit[each.chunk.id] >= near[0].relevance - weights.best_hit_distance for each in candidates]
    )
    off_topic = _off_topic(relevance, candidates, from_best_hits, weights)
    limit = sections * weights.sentences_per_section
    chosen = _select(relevance, vectors, candidates, off_topic, weights, limit=limit)
    # Sentences are grouped by what their passages are about, so titles and headings count here.
    in_context = embed([f"{candidates[i].chunk.context}\n{candidates[i].text}" for i in chosen])
    similarity = _similarity(in_context, [candidates[i] for i in chosen], weights)
    clusters = balanced_clusters(similarity, max(1, min(sections, round(len(chosen) / weights.sentences_per_section))))
    groups = sorted(
        _with_their_qualifications([[candidates[chosen[i]] for i in cluster] for cluster in clusters], candidates),
        key=lambda group: -max(sentence.relevance for sentence in group),
    )
    on_topic = np.flatnonzero(~off_topic)
    return Outline(
        sections=tuple(
            OutlineSection(heading=heading, evidence=tuple(_in_document_order(group)))
            for heading, group in zip(headings_from_documents(groups), groups, strict=True)
        ),
        key_points=tuple(
            max(group, key=lambda sentence: sentence.relevance - _length_penalty(sentence, weights)) for group in groups
        ),
        conflicts=tuple(find_conflicts([candidates[i] for i in on_topic], vectors[on_topic])),
        broad=broad,
    )


def _content_term(sentence: EvidenceSentence, weights: OutlineWeights) -> float:
    return weights.content * min(1.0, len(sentence.text.split()) / weights.typical_words)


def _length_penalty(sentence: EvidenceSentence, weights: OutlineWeights) -> float:
    return weights.excess_word * max(0, len(sentence.text.split()) - weights.typical_words)


def _off_topic(
    relevance: Vectors,
    sentences: Sequence[EvidenceSentence],
    from_best_hits: NDArray[np.bool_],
    weights: OutlineWeights,
) -> NDArray[np.bool_]:
    """Return a mask of the sentences that are off topic, or whose document is; never one of the best hits."""
    top = float(np.sort(relevance)[-5:].mean())
    best: dict[str, float] = {}
    for sentence, own in zip(sentences, relevance, strict=True):
        best[sentence.chunk.document_id] = max(best.get(sentence.chunk.document_id, -np.inf), float(own))
    in_off_topic_document = np.array(
        [best[each.chunk.document_id] < top - weights.off_topic_document_distance for each in sentences]
    )
    return in_off_topic_document | ((relevance < top - weights.off_topic_distance) & ~from_best_hits)


def _select(
    relevance: Vectors,
    vectors: Vectors,
    sentences: Sequence[EvidenceSentence],
    off_topic: NDArray[np.bool_],
    weights: OutlineWeights,
    *,
    limit: int,
) -> list[int]:
    """Return the indices of at most ``limit`` sentences, chosen by marginal relevance; a reused document costs."""
    chosen: list[int] = []
    used: Counter[str] = Counter()
    redundancy = np.zeros(len(sentences), dtype=np.float32)
    while len(chosen) < limit:
        reuse = np.array([used[sentence.chunk.document_id] for sentence in sentences], dtype=np.float32)
        gain = weights.relevance * relevance - (1 - weights.relevance) * redundancy - weights.reuse * reuse
        gain[chosen] = -np.inf
        gain[(redundancy > weights.duplicate) | off_topic] = -np.inf
        best = int(np.argmax(gain))
        if not np.isfinite(gain[best]):
            break
        chosen.append(best)
        used[sentences[best].chunk.document_id] += 1
        redundancy = np.maximum(redundancy, vectors @ vectors[best])
    return chosen


def _similarity(vectors: Vectors, sentences: Sequence[EvidenceSentence], weights: OutlineWeights) -> Vectors:
    """Return the matrix of similarities of ``sentences``, with a bonus for sentences of the same document."""
    documents = np.array([sentence.chunk.document_id for sentence in sentences])
    same = documents[:, None] == documents[None, :]
    similarity: Vectors = vectors @ vectors.T + weights.same_document * same
    return similarity


def _with_their_qualifications(
    groups: Sequence[Sequence[EvidenceSentence]], candidates: Sequence[EvidenceSentence]
) -> list[list[EvidenceSentence]]:
    """Return ``groups`` in which each sentence is followed by the candidates that qualify it, moved from elsewhere."""
    qualified = {each: with_qualifications(each, candidates) for group in groups for each in group}
    moved = {later for sentences in qualified.values() for later in sentences[1:]}
    completed = [
        [each for sentence in group if sentence not in moved for each in qualified[sentence]] for group in groups
    ]
    return [group for group in completed if group]


def _in_document_order(sentences: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """Sort by document, documents in the order of their first sentence, and within a document by offset."""
    first = {sentence.chunk.document_id: place for place, sentence in reversed(list(enumerate(sentences)))}
    return sorted(
        sentences, key=lambda sentence: (first[sentence.chunk.document_id], sentence.chunk.start + sentence.start)
    )
