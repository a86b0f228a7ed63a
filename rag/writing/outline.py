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
from rag.retrieval import NO_SCORES, AnswerScores, term_coverage
from rag.types import Hit
from rag.writing.clustering import balanced_clusters
from rag.writing.disagreements import Conflict, find_conflicts
from rag.writing.evidence import EvidenceSentence, evidence_sentences, with_qualifications
from rag.writing.headings import headings_from_documents
from rag.writing.hit_relevance import rate_hits

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

    answers: float = 0.5
    """Probability that a hit answers from which all its sentences are on topic, even without the subject's name."""

    answer_score: float = 0.15
    """Weight of the probability that the sentence's hit answers the question or a part of it."""

    sentences_per_part: int = 2
    """Sentences that each part of a question keeps from hits that answer it, before the best of all are chosen."""

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

    off_topic_distance: float = 0.3
    """A sentence this far below the mean of the five most relevant ones is off topic, unless its hit answers."""

    off_topic_document_distance: float = 0.25
    """The same for a document and its best sentence; it is off topic as a whole, unless a hit of it answers."""

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
    scores: AnswerScores = NO_SCORES,
    weights: OutlineWeights = DEFAULT_OUTLINE_WEIGHTS,
) -> Outline:
    """Choose evidence sentences for ``question`` from ``hits`` and group them into at most ``sections`` sections.

    A narrow question gives fewer sections, and hits without an evidence sentence give none. Each part of a question
    that a hit answers keeps evidence.

    Args:
        question: the question.
        hits: those that are on the question, best first.
        embed: embeds texts.
        embed_words: embeds the words of texts.
        sections: the largest number of sections.
        scores: of the hits that were read.
        weights: the tunables.
    """
    rated = rate_hits(question, hits, embed_words)
    broad = not any(each.coverage for each in rated)
    of_hit = {
        each.hit.chunk.id: each.relevance + weights.answer_score * (scores.best(each.hit.chunk.id) or 0.0)
        for each in rated
    }
    ranked = sorted((each.hit for each in rated), key=lambda hit: -of_hit[hit.chunk.id])
    candidates = list(evidence_sentences(ranked))[: weights.max_candidates]
    if not candidates:
        return Outline(sections=(), key_points=())
    posed = [question, *scores.questions[1:]]
    contexts = list(dict.fromkeys(sentence.chunk.context for sentence in candidates))
    texts = [sentence.text for sentence in candidates]
    if not broad:
        embed_words([*posed, *texts])  # before their vectors, which the packaged encoder gets from the same pass
    embedded = embed([*posed, *contexts, *texts])
    queries, of_contexts, vectors = np.split(embedded, [len(posed), len(posed) + len(contexts)])
    context_cosines = (of_contexts @ queries.T).max(axis=1)
    context_terms = dict(zip(contexts, weights.context * (context_cosines - context_cosines.mean()), strict=True))
    terms = [
        _content_term(sentence, weights)
        + context_terms[sentence.chunk.context]
        + weights.hit_relevance * of_hit[sentence.chunk.id]
        for sentence in candidates
    ]
    to_each = vectors @ queries.T  # sentences × the question and its parts
    if not broad:
        covered = [term_coverage(each, texts, embed_words) for each in posed]
        to_each = to_each + weights.term_coverage * np.stack(covered, axis=1)
    relevance = to_each.max(axis=1) + np.array(terms, dtype=np.float32)
    candidates = [replace(each, relevance=float(own)) for each, own in zip(candidates, relevance, strict=True)]
    answering = np.array([(scores.best(each.chunk.id) or 0.0) >= weights.answers for each in candidates])
    off_topic = _off_topic(relevance, candidates, answering, weights)
    limit = sections * weights.sentences_per_section
    reserved = _reserved_for_parts(to_each, candidates, scores, weights)
    chosen = _select(relevance, vectors, candidates, off_topic, weights, limit=limit, reserved=reserved)
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
    answering: NDArray[np.bool_],
    weights: OutlineWeights,
) -> NDArray[np.bool_]:
    """Return a mask of the sentences that are off topic, or whose document is; never one of a hit that answers."""
    top = float(np.sort(relevance)[-5:].mean())
    best: dict[str, float] = {}
    for sentence, own, answers in zip(sentences, relevance, answering, strict=True):
        document = sentence.chunk.document_id
        best[document] = np.inf if answers else max(best.get(document, -np.inf), float(own))
    in_off_topic_document = np.array(
        [best[each.chunk.document_id] < top - weights.off_topic_document_distance for each in sentences]
    )
    return ~answering & (in_off_topic_document | (relevance < top - weights.off_topic_distance))


def _reserved_for_parts(
    to_each: Vectors, sentences: Sequence[EvidenceSentence], scores: AnswerScores, weights: OutlineWeights
) -> list[int]:
    """Return the indices of the sentences that each part of the question keeps, from hits that answer this part."""
    reserved: list[int] = []
    for part in range(1, len(scores.questions)):
        answers = [scores.by_chunk.get(each.chunk.id, ()) for each in sentences]
        mine = [at for at, found in enumerate(answers) if found and found[part] >= weights.answers]
        mine.sort(key=lambda at: -float(to_each[at, part]) - answers[at][part])
        reserved += mine[: weights.sentences_per_part]
    return list(dict.fromkeys(reserved))


def _select(
    relevance: Vectors,
    vectors: Vectors,
    sentences: Sequence[EvidenceSentence],
    off_topic: NDArray[np.bool_],
    weights: OutlineWeights,
    *,
    limit: int,
    reserved: Sequence[int] = (),
) -> list[int]:
    """Return the indices of at most ``limit`` sentences, chosen by marginal relevance; a reused document costs.

    Those that are ``reserved`` come first, duplicates excepted.
    """
    chosen: list[int] = []
    used: Counter[str] = Counter()
    redundancy = np.zeros(len(sentences), dtype=np.float32)
    waiting = list(reserved)
    while len(chosen) < limit:
        reuse = np.array([used[sentence.chunk.document_id] for sentence in sentences], dtype=np.float32)
        gain = weights.relevance * relevance - (1 - weights.relevance) * redundancy - weights.reuse * reuse
        gain[chosen] = -np.inf
        gain[(redundancy > weights.duplicate) | off_topic] = -np.inf
        best = waiting.pop(0) if waiting else int(np.argmax(gain))
        if not np.isfinite(gain[best]):
            if waiting:
                continue
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
