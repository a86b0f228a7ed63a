"""Choose the sentences of a summary: those that a model found, and those that quote the best rated evidence.

TODO figures
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.retrieval import ScoreAnswers
from rag.types import Chunk, Sentence
from rag.writing.replacement import StandingSentences

SummaryBlock = Sequence[Sentence]
"""Sentences that are printed one after the other, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWeights:
    """The tunables of :func:`best_summary`, on the scale of probabilities."""

    found: float = 0.1
    """Bonus of what the model found."""

    at_least: float = 0.55
    """Probability, with the bonus, that a block answers, below which only the best one is printed."""

    blocks: int = 4
    """Most blocks."""


DEFAULT_SUMMARY_WEIGHTS = SummaryWeights()


def best_summary(
    question: str,
    found: Sequence[SummaryBlock],
    quoted: Sequence[SummaryBlock],
    chunks: Mapping[str, Chunk],
    score_answers: ScoreAnswers,
    weights: SummaryWeights = DEFAULT_SUMMARY_WEIGHTS,
) -> tuple[Sentence, ...]:
    """Return the blocks that most probably answer ``question``, the best one first, none of them twice.

    Args:
        question: the question.
        found: what stands for each sentence that the model wrote.
        quoted: the summary that quotes.
        chunks: the passages that are cited, by id; title and headings are read with a sentence.
        score_answers: the model that reads a question with a sentence.
        weights: the tunables.
    """
    blocks = [*filter(None, found), *filter(None, quoted)]
    sentences = [sentence for block in blocks for sentence in block]
    texts = [f"{chunks[sentence.citations[0]].context}\n{sentence.text}" for sentence in sentences]
    probability = iter(score_answers([question], texts)[0] if texts else ())
    bonus = {id(block): weights.found for block in found}
    value = {id(block): max([next(probability) for _ in block]) + bonus.get(id(block), 0.0) for block in blocks}
    standing = StandingSentences()
    chosen: list[SummaryBlock] = []
    for block in sorted(blocks, key=lambda block: -value[id(block)]):
        if len(chosen) == weights.blocks or (chosen and value[id(block)] < weights.at_least):
            break
        if any(sentence in standing for sentence in block):
            continue
        chosen.append(block)
        for sentence in block:
            standing.add(sentence)
    return tuple(sentence for block in chosen for sentence in block)
