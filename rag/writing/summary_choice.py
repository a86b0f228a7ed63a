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
from rag.verify.answers import STANDALONE_QUESTION
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

    standalone: float = 0.5
    """Probability from which a sentence can be understood alone; another one does not open the summary."""

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
) -> tuple[SummaryBlock, ...]:
    """Return the blocks that most probably answer ``question``, none of them twice.

    The best one that can be understood alone opens the summary.

    Args:
        question: the question.
        found: what stands for each sentence that the model wrote.
        quoted: the summary that quotes.
        chunks: the passages that are cited, by id; title and headings are read with a sentence.
        score_answers: the model that reads a question with a sentence.
        embed: embeds texts.
        weights: the tunables.
    """
    quoted_blocks = [*filter(None, quoted)]
    blocks = [*filter(None, found), *quoted_blocks]
    if not blocks:
        return ()
    rated = _rated_blocks(
        question, blocks, chunks, score_answers, embed, weights, found=len(blocks) - len(quoted_blocks)
    )
    rated.sort(key=lambda each: -each.value)
    opening = next((each for each in rated if each.understood), rated[0])
    lowest = weights.at_least * max(each.probability for each in rated)
    standing = StandingSentences()
    chosen: list[SummaryBlock] = []
    for each in sorted(rated, key=lambda each: each is not opening):
        if chosen and each.probability < lowest:
            continue
        if any(sentence in standing or standing.quotes_part_of(sentence) for sentence in each.block):
            continue
        chosen.append(each.block)
        for sentence in each.block:
            standing.add(sentence)
    return tuple(chosen[: weights.blocks])


@dataclass(frozen=True, slots=True, kw_only=True)
class _RatedBlock:
    """A block, whether its first sentence is understood alone, the probability that it answers, and its value."""

    block: SummaryBlock
    understood: bool
    probability: float
    value: float


def _rated_blocks(
    question: str,
    blocks: Sequence[SummaryBlock],
    chunks: Mapping[str, Chunk],
    score_answers: ScoreAnswers,
    embed: Embed,
    weights: SummaryWeights,
    *,
    found: int,
) -> list[_RatedBlock]:
    """Return ``blocks``, of which the model found the first ``found``, with their ratings."""
    sentences = [sentence for block in blocks for sentence in block]
    texts = [f"{chunks[sentence.citations[0]].context}\n{sentence.text}" for sentence in sentences]
    vectors = embed([question, *(sentence.text for sentence in sentences)])
    answers, alone = score_answers([question, STANDALONE_QUESTION], texts)
    ratings = zip(answers, alone, vectors[1:] @ vectors[0], strict=True)
    rated: list[_RatedBlock] = []
    for place, block in enumerate(blocks):
        own = list(islice(ratings, len(block)))
        bonus = weights.found * (place < found)
        rated.append(
            _RatedBlock(
                block=block,
                understood=own[0][1] >= weights.standalone,
                probability=bonus + max(answer for answer, _, _ in own),
                value=bonus + max(answer + weights.summing_up * similarity for answer, _, similarity in own),
            )
        )
    return rated
