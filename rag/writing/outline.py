"""The outline of a brief: the best evidence sentences, in balanced sections, each sentence in one section.

Sentences are rated by the packaged models (``rag/writing/rating.py``), chosen by maximal marginal relevance (Carbonell
& Goldstein, SIGIR 1998) and grouped by correlation clustering (Bansal, Blum & Chawla, 2004) with bounds on the group
sizes; without the bounds one section gets eleven sentences and another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval import NO_SCORES, AnswerScores, ScoreAnswers
from rag.types import Hit
from rag.writing.clustering import balanced_clusters
from rag.writing.disagreements import Conflict, find_conflicts
from rag.writing.evidence import EvidenceSentence, evidence_sentences, is_directly_behind, with_qualifications
from rag.writing.headings import headings_from_documents
from rag.writing.rating import Embed, RatedSentence, is_well_formed, rate_sentences
from rag.writing.repetition import differ_in_figures
from rag.writing.sentence_blocks import blocks_of, with_antecedents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineWeights:
    """The tunables of :func:`make_outline`. Relevance is on the scale of probabilities, similarity a cosine."""

    sentences_per_section: int = 3
    """Mean number of sentences in a section."""

    answers: float = 0.5
    """Probability that a hit answers a part of the question from which its sentences are kept for this part."""

    chosen_per_section: float = 2.0
    """Mean number of sentences in a section that are chosen for themselves; others stand beside these."""

    behind: float = 0.4
    """Share of the best sentence's probability from which the sentence directly behind a chosen one is printed with it.

    It answers as often as the next best ones from elsewhere, and is understood more often: of ten sentences so chosen
    .49 answer, .73 answer or give context, and .67 are understood where they stand, too; of the ten best .45, .70 and
    .61 (24 questions on labelled units)."""

    sentences_per_part: int = 2
    """Sentences that each part of a question keeps from hits that answer it, before the best of all are chosen."""

    on_question: float = 0.7
    """Share of the best sentence's probability below which a sentence is beside the question. How probable the best one
    is depends on how far the question is from the words of the documents. On the labelled units 48 % of the sentences
    above it answer, and 35 % of those that answer are above it; 42 and 50 % at 0.5 (24 questions). In briefs read
    sentence by sentence .39 of 13 sentences answer instead of .31 of 15, and no answer is lost (8 questions)."""

    least: float = 0.1
    """Probability of the best sentence below which none is an answer: where a row of ballots in a table answered, and
    no sentence, a brief quoted a dispute over a browser's maker and a merger (.04). Of 63 questions on five collections
    32 are answered, all with .15 or more."""

    at_least: int = 5
    """Number of sentences that are kept if others are beside the question."""

    summing_up: float = 1.0
    """Weight of a sentence's similarity to the question beside its probability, for a key point. On the labelled units
    25 % of the first sentences answer directly by it and 58 % in part at least (24 questions), and .81 of those of
    briefs that were read (8 questions); by a weight of 2, 33 and 58 % and .62, of 0, 25 and 42 % and .88."""

    relevance: float = 0.85
    """Share of relevance in the marginal relevance; the rest is the similarity to the sentences already chosen."""

    duplicate: float = 0.86
    """Cosine of two sentences above which they say the same thing."""

    reuse: float = 0.05
    """Penalty of a sentence for each one already chosen from its document: a broad question needs many documents."""

    same_document: float = 0.1
    """Bonus for the similarity of two sentences of the same document when sentences are grouped."""

    typical_words: int = 22
    """Length of a sentence in words beyond which more words are a cost for a key point."""

    excess_word: float = 0.01
    """Penalty of a key point for each word beyond ``typical_words``."""

    dependent: float = 0.1
    """Penalty of a key point for each antecedent: it would not be the first sentence."""


DEFAULT_OUTLINE_WEIGHTS = OutlineWeights()
OUTLINE_WEIGHTS_FOR_LARGE = OutlineWeights(least=0.0)
"""A large model reads whole passages: it may find the answer in one of which no sentence can be quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineSection:
    """A section: its evidence sentences in the order of the brief, and a heading from the documents."""

    heading: str
    evidence: tuple[EvidenceSentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The sections of a brief in order, and what its other parts are made from.

    ``key_points`` are the evidence sentences that sum the sections up, one per section, the best first. ``conflicts``
    are pairs of evidence sentences on the question that contradict each other. ``candidates`` are all sentences among
    which those of the sections were chosen.
    """

    sections: tuple[OutlineSection, ...]
    key_points: tuple[EvidenceSentence, ...]
    conflicts: tuple[Conflict, ...] = ()
    candidates: tuple[EvidenceSentence, ...] = ()


def make_outline(
    question: str,
    hits: Sequence[Hit],
    embed: Embed,
    score_answers: ScoreAnswers,
    *,
    sections: int = 6,
    scores: AnswerScores = NO_SCORES,
    weights: OutlineWeights = DEFAULT_OUTLINE_WEIGHTS,
) -> Outline:
    """Choose evidence sentences for ``question`` from ``hits`` and group them into at most ``sections`` sections.

    A narrow question gives fewer sections, and hits without a sentence that may answer it give none. Each part of a
    question that a hit answers keeps evidence.

    Args:
        question: the question.
        hits: those that are on the question, best first.
        embed: embeds texts.
        score_answers: the model that reads a question with a passage.
        sections: the largest number of sections.
        scores: of the hits that were read.
        weights: the tunables.
    """
    rated = rate_sentences([(question,), *scores.questions[1:]], hits, embed, score_answers, scores)
    if max((each.probability for each in rated), default=0.0) <= weights.least:
        return Outline(sections=(), key_points=())
    candidates = [each.sentence for each in rated]
    relevance = np.array([each.relevance for each in candidates], dtype=np.float32)
    vectors = np.stack([each.vector for each in rated])
    beside = _beside_question(np.array([each.probability for each in rated]), weights)
    limit = round(sections * weights.chosen_per_section)
    reserved = [*_reserved_for_parts(rated, scores, weights), *_best_of_documents(rated, beside, sections)]
    chosen = _select(relevance, vectors, candidates, beside, weights, limit=limit, reserved=reserved)
    chosen, candidates = _with_sentences_behind(chosen, candidates, rated, sections, weights)
    # Sentences are grouped by what their passages are about, so titles and headings count here.
    in_context = embed([f"{candidates[i].chunk.context}\n{candidates[i].text}" for i in chosen])
    similarity = _similarity(in_context, [candidates[i] for i in chosen], weights)
    printed = len({each.place for at in chosen for each in with_antecedents(candidates[at])})
    clusters = balanced_clusters(
        similarity, max(1, min(sections, len(chosen), round(printed / weights.sentences_per_section)))
    )
    groups = sorted(
        _in_blocks([[candidates[chosen[i]] for i in cluster] for cluster in clusters], candidates, hits),
        key=lambda group: -max(sentence.relevance for sentence in group),
    )

    value_of = {each.sentence.place: each.probability + weights.summing_up * each.similarity for each in rated}

    def sums_up(sentence: EvidenceSentence) -> float:
        antecedents = len(with_antecedents(sentence)) - 1
        return value_of.get(sentence.place, 0.0) - _length_penalty(sentence, weights) - weights.dependent * antecedents

    # A side of a disagreement is printed alone.
    on_topic = [int(at) for at in np.flatnonzero(~beside) if candidates[at].after is None]
    return Outline(
        sections=tuple(
            OutlineSection(heading=heading, evidence=tuple(_in_document_order(group)))
            for heading, group in zip(headings_from_documents(groups), groups, strict=True)
        ),
        key_points=tuple(sorted((max(group, key=sums_up) for group in groups), key=sums_up, reverse=True)),
        conflicts=tuple(find_conflicts([candidates[i] for i in on_topic], vectors[on_topic])),
        candidates=tuple(candidates),
    )


def _with_sentences_behind(
    chosen: Sequence[int],
    candidates: Sequence[EvidenceSentence],
    rated: Sequence[RatedSentence],
    sections: int,
    weights: OutlineWeights,
) -> tuple[list[int], list[EvidenceSentence]]:
    """Return ``chosen`` with the sentences directly behind them, as far as there is room, the best ones' first.

    Returns:
        The indices, and the candidates, in which those added are placed after the ones that they follow.
    """
    lowest = weights.behind * max(each.probability for each in rated)
    room = sections * weights.sentences_per_section
    sentences, indices = list(candidates), list(chosen)
    printed = {each.place for at in indices for each in with_antecedents(sentences[at])}
    for at in sorted(chosen, key=lambda at: -candidates[at].relevance):
        behind = next((i for i, each in enumerate(candidates) if is_directly_behind(each, candidates[at])), None)
        if behind is None or candidates[behind].place in printed or rated[behind].probability < lowest:
            continue
        if len(printed) < room:
            sentences[behind] = replace(sentences[behind], after=sentences[at])
            printed.add(sentences[behind].place)
            indices.append(behind)
    return indices, sentences


def _length_penalty(sentence: EvidenceSentence, weights: OutlineWeights) -> float:
    return weights.excess_word * max(0, len(sentence.text.split()) - weights.typical_words)


def _beside_question(probabilities: NDArray[np.float64], weights: OutlineWeights) -> NDArray[np.bool_]:
    """Return a mask of the sentences that are beside the question, without the best ones."""
    lowest = min(
        weights.on_question * float(probabilities.max()), float(np.sort(probabilities)[-weights.at_least :][0])
    )
    return np.asarray(probabilities < lowest)


def _reserved_for_parts(rated: Sequence[RatedSentence], scores: AnswerScores, weights: OutlineWeights) -> list[int]:
    """Return the indices of the sentences that each part of the question keeps, from hits that answer this part."""
    reserved: list[int] = []
    for part in range(1, len(scores.questions)):
        answers = [scores.by_chunk.get(each.sentence.chunk.id, ()) for each in rated]
        mine = [at for at, found in enumerate(answers) if found and found[part] >= weights.answers]
        mine.sort(key=lambda at: -rated[at].for_each[part])
        reserved += mine[: weights.sentences_per_part]
    return list(dict.fromkeys(reserved))


def _best_of_documents(rated: Sequence[RatedSentence], beside: NDArray[np.bool_], most: int) -> list[int]:
    """Return the indices of the best sentence of each document that is on the question, the best ``most`` of them."""
    best: dict[str, int] = {}
    for at in sorted(range(len(rated)), key=lambda at: -rated[at].sentence.relevance):
        if not beside[at]:
            best.setdefault(rated[at].sentence.chunk.document_id, at)
    return list(best.values())[:most]


def _select(
    relevance: Vectors,
    vectors: Vectors,
    sentences: Sequence[EvidenceSentence],
    beside: NDArray[np.bool_],
    weights: OutlineWeights,
    *,
    limit: int,
    reserved: Sequence[int] = (),
) -> list[int]:
    """Return the indices of at most ``limit`` sentences, chosen by marginal relevance; a reused document costs.

    Those that are ``reserved`` come first, duplicates excepted, also if they are beside the question.
    """
    chosen: list[int] = []
    used: Counter[str] = Counter()
    redundancy = np.zeros(len(sentences), dtype=np.float32)
    waiting = list(reserved)
    printed: dict[tuple[str, int], str] = {}
    while len(printed) < limit:
        reuse = np.array([used[sentence.chunk.document_id] for sentence in sentences], dtype=np.float32)
        gain = weights.relevance * relevance - (1 - weights.relevance) * redundancy - weights.reuse * reuse
        gain[chosen] = -np.inf
        gain[redundancy > weights.duplicate] = -np.inf
        if waiting:
            best = waiting.pop(0)
            if not np.isfinite(gain[best]):
                continue
        else:
            gain[beside] = -np.inf
            best = int(np.argmax(gain))
            if not np.isfinite(gain[best]):
                break
        block = with_antecedents(sentences[best])
        elsewhere = {text for place, text in printed.items() if place[0] != sentences[best].chunk.id}
        if any(each.text in elsewhere for each in block):  # another document opens with the same words
            redundancy[best] = np.inf
            continue
        chosen.append(best)
        printed |= {each.place: each.text for each in block}
        used[sentences[best].chunk.document_id] += 1
        repeated = vectors @ vectors[best]
        others = np.array([differ_in_figures(each.text, sentences[best].text) for each in sentences])
        redundancy = np.maximum(redundancy, np.where(others, np.minimum(repeated, weights.duplicate), repeated))
    return chosen


def _similarity(vectors: Vectors, sentences: Sequence[EvidenceSentence], weights: OutlineWeights) -> Vectors:
    """Return the matrix of similarities of ``sentences``, with a bonus for sentences of the same document."""
    documents = np.array([sentence.chunk.document_id for sentence in sentences])
    same = documents[:, None] == documents[None, :]
    similarity: Vectors = vectors @ vectors.T + weights.same_document * same
    return similarity


def _in_blocks(
    groups: Sequence[Sequence[EvidenceSentence]], candidates: Sequence[EvidenceSentence], hits: Sequence[Hit]
) -> list[list[EvidenceSentence]]:
    """Return ``groups`` with what their sentences must follow and what qualifies them, moved from elsewhere or added.

    Sentences that stand together are in the group of the most relevant one.

    Args:
        groups: the sentences chosen.
        candidates: those that were rated.
        hits: what they are from; a sentence of them that was not rated can qualify one.
    """
    rated = {each.place for each in candidates}
    cited = {each.chunk.id for group in groups for each in group}
    others = evidence_sentences([hit for hit in hits if hit.chunk.id in cited], is_well_formed)
    known = [*candidates, *(each for each in others if each.place not in rated)]
    chosen = [each for group in groups for each in group]
    needed = [each for sentence in chosen for each in with_antecedents(sentence)]
    complete = [each for sentence in needed for each in with_qualifications(sentence, known)]
    group_at = {each.place: at for at, group in enumerate(groups) for each in group}
    completed: list[list[EvidenceSentence]] = [[] for _ in groups]
    for block in blocks_of([*chosen, *(each for sentence in complete for each in with_antecedents(sentence))]):
        best = max((each for each in block if each.place in group_at), key=lambda each: each.relevance)
        completed[group_at[best.place]] += block
    return [group for group in completed if group]


def _in_document_order(sentences: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """Sort by document, documents in the order of their first sentence, and within a document by offset."""
    first = {sentence.chunk.document_id: place for place, sentence in reversed(list(enumerate(sentences)))}
    return sorted(
        sentences, key=lambda sentence: (first[sentence.chunk.document_id], sentence.chunk.start + sentence.start)
    )
