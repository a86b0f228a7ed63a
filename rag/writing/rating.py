"""Rate the sentences of hits: does each answer the question, and can it be understood?

The packaged answer model reads a sentence, list or table row under its title and headings with the question and with
each of its parts, and in the same pass whether it can be understood alone. One that cannot is read once more with the
sentence before it, and with the two before it. A logistic regression joins their log-odds with those of the whole
passage and with the cosine between question and passage.

Measured on 1,369 labelled units of retrieved passages (``eval/training/answers``) of four collections that the model
was not trained on: 18F's handbook, Scrapy's documentation, the Rust blog and the special counsel's report, 24
questions in other words than the documents'. Of the best eight units of a question 50 % answer and can be understood
as they are printed, and 75 % do or give context (with 254 short units and lines, 28 questions); 46 % and 67 % by the
model before, and 38 % and 54 % by the first one, without antecedents and without the cosine. The constants were set on
the same units. AUC of answering .71, .75, .84 and .80 by collection, of being understood alone .73, .84, .85 and .75.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag._internal.log_odds import from_log_odds, log_odds
from rag.retrieval import AnswerScores, ScoreAnswers, Wordings, read_wordings
from rag.types import Hit
from rag.verify.answers import STANDALONE_QUESTION
from rag.writing.evidence import EvidenceSentence, evidence_sentences, preceding_sentences
from rag.writing.sentence_blocks import placed_after
from rag.writing.standalone import opens_with_reference, why_not_well_formed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Embed = Callable[[Sequence[str]], "Vectors"]
"""Embeds texts as unit vectors, one per row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingParameters:
    """The constants of :func:`rate_sentences`. ``eval/training/answers`` fits the weights.

    ``max_read`` is no smaller since the sentence that answers a broad question best may lie in a passage of low rank:
    of the labelled sentences that answer 28 questions .89 are among 64 chosen, .79 among 40 and .74 among 32. What the
    outlines print hardly changes: 52 % of it answers with 32, 54 % with 64, and 53 % with 64 of 160 instead of 100.
    """

    max_embedded: int = 100
    """Largest number of sentences that are compared with the question by cosine."""

    max_read: int = 64
    """Largest number of them that the model reads alone; it bounds the time until the draft."""

    sentence: float = 0.745
    """Weight of the log-odds that the sentence answers."""

    passage: float = 0.1
    """Weight of the log-odds that its passage answers. On 1,482 units of three collections held out the mean AUC of the
    sum is .761 with 0.3, .770 with 0.1 and .774 with 0; of the best eight .55 answer with each, of the best ones 16, 15
    and 14 (19 questions). Between these the README's brief decided: with 0.3 it opens beside the question."""

    cosine: float = 1.5
    """Weight of the cosine between the question and its passage."""

    unread_passage: float = 0.28
    """Probability that a passage answers that was not read."""

    alone: float = 0.431
    """Weight of the log-odds that the sentence can be understood, with its antecedents if it has some."""

    intercept: float = -2.5
    """Added to these; the sum is the log-odds that the sentence answers and can be understood."""

    least: float = 1e-4
    """Probability as which a smaller one counts; 1 less it bounds them above."""

    standalone: float = 0.5
    """Probability that a sentence can be understood alone below which it is read with the ones before it."""

    max_extended: int = 16
    """Largest number of sentences that are read with their antecedents, the most relevant ones."""

    max_antecedents: int = 2
    """Largest number of antecedents of a sentence."""

    antecedent: float = 0.05
    """Penalty of relevance for each antecedent."""

    similarity: float = 0.5
    """Weight of the cosine between the question and a sentence under its headings in its relevance. On the labelled
    units the share of the best eight that answer or give context rose from 65 to 67 %."""


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
        """The probability that the sentence answers the question or a part of it, and can be understood."""
        return max(self.for_each)


def rate_sentences(
    posed: Sequence[Wordings],
    hits: Sequence[Hit],
    embed: Embed,
    score_answers: ScoreAnswers,
    scores: AnswerScores,
    parameters: RatingParameters = _PARAMETERS,
) -> list[RatedSentence]:
    """Return the sentences of ``hits`` that are nearest to the question and can be understood, each with its relevance.

    Args:
        posed: the question, then its parts if it has several, each in its wordings; the first one is embedded.
        hits: best first.
        embed: embeds texts.
        score_answers: the model that reads a question with a passage.
        scores: of the hits that were read.
        parameters: the constants.
    """
    found = list(evidence_sentences(hits, is_well_formed, lines=True))[: parameters.max_embedded]
    if not found:
        return []
    queries, in_context = np.split(
        embed([*(each[0] for each in posed), *(_read_text([each]) for each in found)]), [len(posed)]
    )
    passages = np.array([_passage_scores(each, scores, len(posed), parameters) for each in found])
    cosine_of = {hit.chunk.id: hit.cosine for hit in hits}
    of_passages = np.array([cosine_of[each.chunk.id] for each in found])
    cosines = (in_context @ queries.T).max(axis=1)
    nearest = np.argsort(-(cosines + of_passages + passages.max(axis=1)))[: parameters.max_read].tolist()
    vectors = dict(zip(nearest, embed([found[at].text for at in nearest]), strict=True))

    def read(blocks: Mapping[int, Sequence[EvidenceSentence]]) -> list[_Reading]:
        """Read blocks of sentences, each by the index in ``found`` of its last one."""
        texts = [_read_text(block) for block in blocks.values()]
        *answers, alone = read_wordings(score_answers, [*posed, (STANDALONE_QUESTION,)], texts)
        total = (
            parameters.sentence * log_odds(np.stack(answers, axis=1), least=parameters.least)
            + parameters.passage * log_odds(passages[list(blocks)], least=parameters.least)
            + parameters.cosine * of_passages[list(blocks)][:, None]
            + parameters.alone * log_odds(alone, least=parameters.least)[:, None]
            + parameters.intercept
        )
        return [
            _Reading(at=at, block=block, for_each=for_each, understood=own >= parameters.standalone)
            for (at, block), for_each, own in zip(
                blocks.items(), from_log_odds(total).tolist(), alone.tolist(), strict=True
            )
        ]

    understood: list[_Reading] = []
    waiting = read({at: [found[at]] for at in nearest})
    for count in range(1 + parameters.max_antecedents):
        understood += [each for each in waiting if each.is_clear]
        unclear = sorted((each for each in waiting if not each.is_clear), key=lambda each: -max(each.for_each))
        longer = {
            each.at: _with_sentences_before(found[each.at], count + 1) for each in unclear[: parameters.max_extended]
        }
        longer = {at: block for at, block in longer.items() if len(block) == count + 2}
        if count == parameters.max_antecedents or not longer:
            break
        waiting = read(longer)
    return [
        RatedSentence(
            sentence=placed_after(
                replace(found[each.at], relevance=_relevance(each, float(cosines[each.at]), parameters)),
                each.block[:-1],
            ),
            vector=vectors[each.at],
            similarity=float(cosines[each.at]),
            for_each=tuple(each.for_each),
        )
        for each in sorted(understood, key=lambda each: each.at)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What the model found of a block of sentences; ``at`` numbers its last one."""

    at: int
    block: Sequence[EvidenceSentence]
    for_each: Sequence[float]
    understood: bool

    @property
    def is_clear(self) -> bool:
        """Whether the block can be printed: the model understands it, and it does not open with a reference."""
        return self.understood and not opens_with_reference(self.block[0].text)


def _with_sentences_before(sentence: EvidenceSentence, count: int) -> list[EvidenceSentence]:
    return [*preceding_sentences(sentence, count, is_well_formed), sentence]


def _relevance(reading: _Reading, similarity: float, parameters: RatingParameters) -> float:
    antecedents = len(reading.block) - 1
    return max(reading.for_each) + parameters.similarity * similarity - parameters.antecedent * antecedents


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
