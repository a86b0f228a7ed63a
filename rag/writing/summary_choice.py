"""Choose the sentences of a summary: those that a small model found, and those that quote the best rated evidence.

On 18 questions on seven collections, whose sentences were labelled blind, .38 of the sentences so chosen answer, .76
answer or give context, and the first one answers 10 questions and is beside 2; of summaries that only quote the best
rated evidence .31 and .62, and 9 and 6. Labels of 10 of them were at hand when the weights were chosen. On the 46
others, on which they were chosen: .38, .70, 22 and 10; of quotations .23, .58, 12 and 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rag.retrieval import ScoreAnswers
from rag.types import Chunk, Sentence
from rag.writing.rating import Embed
from rag.writing.replacement import StandingSentences

SummaryBlock = Sequence[Sentence]
"""Sentences that are printed one after the other, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWeights:
    """The tunables of :func:`best_summary`, on the scale of probabilities and cosines."""

    found: float = 0.1
    """Bonus of what the model found. On 56 of the questions the first sentence answers 28 by it and 23 without it."""

    at_least: float = 0.7
    """Share of the best block's probability, with the bonus, below which a block is left out, but for the first one."""

    summing_up: float = 0.5
    """Weight of the similarity to the question beside the probability, as for the key points of an outline. Without it
    the first sentence answers 31 of them; but none answers a question on a wide subject alone, as the one of
    the README's brief, and then the one that sums up should come first."""

    blocks: int = 4
    """Most blocks."""


DEFAULT_SUMMARY_WEIGHTS = SummaryWeights()


def best_summary(
    question: str,
    found: Sequence[SummaryBlock],
    quoted: Sequence[SummaryBlock],
    chunks: Mapping[str, Chunk],
    score_answers: ScoreAnswers,
    embed: Embed,
    weights: SummaryWeights = DEFAULT_SUMMARY_WEIGHTS,
) -> tuple[Sentence, ...]:
    """Return the blocks that most probably answer ``question``, the best one first, none of them twice.

    Args:
        question: the question.
        found: what stands for each sentence that the model wrote.
        quoted: the summary that quotes.
        chunks: the passages that are cited, by id; title and headings are read with a sentence.
        score_answers: the model that reads a question with a sentence.
        embed: embeds texts.
        weights: the tunables.
    """
    blocks = [*filter(None, found), *filter(None, quoted)]
    if not blocks:
        return ()
    sentences = [sentence for block in blocks for sentence in block]
    texts = [f"{chunks[sentence.citations[0]].context}\n{sentence.text}" for sentence in sentences]
    vectors = embed([question, *(sentence.text for sentence in sentences)])
    rated = zip(score_answers([question], texts)[0], vectors[1:] @ vectors[0], strict=True)
    bonus = dict.fromkeys(map(id, found), weights.found)
    probability: dict[int, float] = {}
    value: dict[int, float] = {}
    for block in blocks:
        ratings = list(islice(rated, len(block)))
        probability[id(block)] = bonus.get(id(block), 0.0) + max(answers for answers, _ in ratings)
        value[id(block)] = bonus.get(id(block), 0.0) + max(
            answers + weights.summing_up * similarity for answers, similarity in ratings
        )
    lowest = weights.at_least * max(probability.values())
    standing = StandingSentences()
    chosen: list[SummaryBlock] = []
    for block in sorted(blocks, key=lambda block: -value[id(block)]):
        if chosen and probability[id(block)] < lowest:
            continue
        if any(sentence in standing for sentence in block):
            continue
        chosen.append(block)
        for sentence in block:
            standing.add(sentence)
    return tuple(sentence for block in chosen[: weights.blocks] for sentence in block)
