"""Rate the sentences of hits: does each answer the question, and can it be understood alone?

The packaged answer model reads a sentence, list or table row under its title and headings with the question and with
each of its parts, and in the same pass whether it can be understood alone. A logistic regression joins their log-odds
with those of the whole passage, which knows what the sentence refers to.

Measured on 336 labelled units of retrieved passages (``eval/training/answers``) from two collections that neither model
nor regression was trained on, the Rust blog and the special counsel's report, seven questions: of the best eight units
54 % answer and can be understood alone, 73 % do or give context; 34 % and 55 % by the cosines, term matches and word
rules that this replaced. AUC of the former against all others .83. Of the units above the outline's threshold 87 % can
be understood alone, and 92 % without those that the model doubts or that open with a reference ("This", "They"), which
are 16 % of those that answer (set on the same units).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval import AnswerScores, ScoreAnswers
from rag.types import Hit
from rag.verify.answers import STANDALONE_QUESTION
from rag.writing.evidence import EvidenceSentence, evidence_sentences, preceding_sentences
from rag.writing.sentence_blocks import placed_after, with_antecedents
from rag.writing.standalone import opens_with_reference, why_not_well_formed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Embed = Callable[[Sequence[str]], "Vectors"]
"""Embeds texts as unit vectors, one per row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingParameters:
    """The constants of :func:`rate_sentences`. ``eval/training/answers`` fits the weights."""

    max_embedded: int = 160
    """Largest number of sentences that are compared with the question by cosine."""

    max_read: int = 64
    """Largest number of them that the model reads alone; it bounds the time until the draft."""

    sentence: float = 1.57
    """Weight of the log-odds that the sentence answers."""

    passage: float = 0.66
    """Weight of the log-odds that its passage answers."""

    unread_passage: float = 0.28
    """Probability that a passage answers that was not read."""

    alone: float = 0.45
    """Weight of the log-odds that the sentence can be understood alone."""

    standalone: float = 0.5
    """Probability that a sentence can be understood alone below which it is read with the ones before it."""

    extended: float = 0.12
    """Probability that a sentence answers from which it is read with its antecedents: see ``standalone``."""

    max_extended: int = 24
    """Largest number of sentences that are read with their antecedents, the most relevant ones."""

    max_antecedents: int = 2
    """Largest number of antecedents of a sentence."""

    antecedent: float = 0.05
    """Penalty of relevance for each antecedent."""

    intercept: float = -1.73
    """Added to these; the sum is the log-odds that the sentence answers and can be understood alone."""

    similarity: float = 0.5
    """Weight of the cosine between the question and a sentence under its headings, times the share by which the best
    sentence is not certain to answer: what no sentence answers alone is told by those most like the question. On the
    labelled units this moved the best four of a question from 54 % to 57 % that answer, and the best eight nowhere."""


_PARAMETERS = RatingParameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedSentence:
    """A sentence with its relevance, its unit vector, and its probability for the question and each of its parts."""

    sentence: EvidenceSentence
    vector: Vectors
    similarity: float
    """Cosine between the question, or the nearest of its parts, and the sentence under its headings."""
    for_each: tuple[float, ...]

    @property
    def probability(self) -> float:
        """The probability that the sentence answers the question or a part of it, and can be understood alone."""
        return max(self.for_each)


def rate_sentences(
    posed: Sequence[str],
    hits: Sequence[Hit],
    embed: Embed,
    score_answers: ScoreAnswers,
    scores: AnswerScores,
    parameters: RatingParameters = _PARAMETERS,
) -> list[RatedSentence]:
    """Return the sentences of ``hits`` that are nearest to the question and can be understood, each with its relevance.

    Args:
        posed: the question, then its parts if it has several.
        hits: best first.
        embed: embeds texts.
        score_answers: the model that reads a question with a passage.
        scores: of the hits that were read.
        parameters: the constants.
    """
    found = list(evidence_sentences(hits, is_well_formed))[: parameters.max_embedded]
    if not found:
        return []
    queries, in_context, vectors = np.split(
        embed([*posed, *(_read_text([each]) for each in found), *(each.text for each in found)]),
        [len(posed), len(posed) + len(found)],
    )
    passages = np.array([_passage_scores(each, scores, len(posed), parameters) for each in found])
    cosines = (in_context @ queries.T).max(axis=1)
    nearest = np.argsort(-(cosines + passages.max(axis=1)))[: parameters.max_read]
    candidates = [found[at] for at in nearest]
    *answers, alone = score_answers([*posed, STANDALONE_QUESTION], [_read_text([each]) for each in candidates])
    log_odds = (
        parameters.sentence * _log_odds(np.stack(answers, axis=1))
        + parameters.passage * _log_odds(passages[nearest])
        + parameters.intercept
    )

    def read_alone(blocks: Sequence[Sequence[EvidenceSentence]]) -> list[float]:
        found: list[float] = score_answers([STANDALONE_QUESTION], [_read_text(each) for each in blocks])[0].tolist()
        return found

    understood = _understood(candidates, alone.tolist(), log_odds.max(axis=1), read_alone, parameters)
    rated = [
        RatedSentence(
            sentence=placed_after(candidates[at], antecedents),
            vector=vectors[nearest[at]],
            similarity=float(cosines[nearest[at]]),
            for_each=tuple(_probabilities(log_odds[at] + parameters.alone * _log_odds(np.array(own))).tolist()),
        )
        for at, (antecedents, own) in sorted(understood.items(), key=lambda item: nearest[item[0]])
    ]
    weight = parameters.similarity * (1 - max((each.probability for each in rated), default=0.0))
    return [
        replace(each, sentence=replace(each.sentence, relevance=_relevance(each, weight, parameters))) for each in rated
    ]


def _understood(
    candidates: Sequence[EvidenceSentence],
    alone: Sequence[float],
    log_odds: NDArray[np.float64],
    read_alone: Callable[[Sequence[Sequence[EvidenceSentence]]], list[float]],
    parameters: RatingParameters,
) -> dict[int, tuple[list[EvidenceSentence], float]]:
    """Return antecedents, and the probability of standing alone behind them, of the candidates that can be understood.

    Args:
        candidates: the sentences.
        alone: the probability that each can be understood alone.
        log_odds: that each answers.
        read_alone: returns the probabilities that blocks of sentences can be understood.
        parameters: the constants.
    """

    def accepted(block: Sequence[EvidenceSentence], probability: float) -> bool:
        return probability >= parameters.standalone and not opens_with_reference(block[0].text)

    found: dict[int, tuple[list[EvidenceSentence], float]] = {
        at: ([], own) for at, (each, own) in enumerate(zip(candidates, alone, strict=True)) if accepted([each], own)
    }
    waiting = [
        at
        for at in np.argsort(-log_odds).tolist()
        if at not in found and log_odds[at] >= _log_odds(np.array(parameters.extended))
    ]
    before = {
        at: preceding_sentences(candidates[at], parameters.max_antecedents, is_well_formed)
        for at in waiting[: parameters.max_extended]
    }
    for count in range(1, 1 + parameters.max_antecedents):
        blocks = {
            at: [*antecedents[-count:], candidates[at]]
            for at, antecedents in before.items()
            if len(antecedents) >= count and at not in found
        }
        if not blocks:
            break
        for (at, block), own in zip(blocks.items(), read_alone(list(blocks.values())), strict=True):
            if accepted(block, own):
                found[at] = block[:-1], own
    return found


def _relevance(rated: RatedSentence, weight: float, parameters: RatingParameters) -> float:
    """Return the relevance of a sentence: ``weight`` is that of its similarity, and each antecedent costs."""
    antecedents = len(with_antecedents(rated.sentence)) - 1
    return rated.probability + weight * rated.similarity - parameters.antecedent * antecedents


def _read_text(block: Sequence[EvidenceSentence]) -> str:
    """Return what the models read of sentences of one passage: its title and headings, and their words."""
    return f"{block[0].chunk.context}\n{' '.join(each.text for each in block)}"


def is_well_formed(text: str, _title: str) -> bool:
    """Whether ``text`` is a whole and undamaged sentence or list, under any title."""
    return why_not_well_formed(text) is None


def _passage_scores(
    sentence: EvidenceSentence, scores: AnswerScores, count: int, parameters: RatingParameters
) -> tuple[float, ...]:
    return scores.by_chunk.get(sentence.chunk.id) or (parameters.unread_passage,) * count


def _log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    bounded = np.clip(probabilities.astype(np.float64), 1e-4, 1 - 1e-4)
    return np.log(bounded / (1 - bounded))


def _probabilities(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-log_odds))
