"""Divide the evidence sentences of an outline among summary, sections and conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.writing.evidence import EvidenceSentence, opens_with_surname_of_chunk
from rag.writing.headings import headings_from_documents
from rag.writing.outline import Outline, OutlineSection
from rag.writing.sentence_blocks import SentenceBlock, blocks_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingWeights:
    """The tunables of :func:`closing_evidence`. Weights and distances are on the scale of relevance, 0 to 1."""

    summary_size: int = 4
    """Largest number of blocks in the summary."""

    conclusion_size: int = 2
    """The same for the conclusion."""

    max_distance: float = 0.3
    """Leave out sentences that weigh this much less than the best one; the conclusion takes one if it has no other."""

    key_point: float = 0.2
    """Bonus of a section's key point: the summary should cover several sections."""

    surname_of_chunk: float = 0.4
    """Penalty of a sentence that opens with a surname that its chunk, but not the brief, has introduced."""

    companion: float = 0.08
    """Penalty of a block for each sentence beyond the first. In briefs that were read .65 of the sentences of a summary
    answer, .61 with 0.03 (8 questions)."""


DEFAULT_CLOSING_WEIGHTS = ClosingWeights()


def closing_evidence(
    outline: Outline, weights: ClosingWeights = DEFAULT_CLOSING_WEIGHTS
) -> tuple[list[EvidenceSentence], list[EvidenceSentence]]:
    """Choose the sentences of the summary and of the conclusion among those of the sections of ``outline``.

    The summary opens with the block of the first key point and takes those with the highest weight, and the conclusion
    the next ones, in the order of the brief.
    """
    sentences = [sentence for section in outline.sections for sentence in section.evidence]
    if not sentences:
        return [], []
    weight = {block: _weight(block, weights) for block in blocks_of(sentences)}
    is_key = {block: any(each in outline.key_points for each in block) for block in weight}
    opening = next((block for block in weight if set(outline.key_points[:1]) & set(block)), next(iter(weight)))
    ranked = sorted(
        weight, key=lambda block: (block is opening, weight[block] + weights.key_point * is_key[block]), reverse=True
    )
    near = [
        block for block in ranked if block is opening or weight[block] >= max(weight.values()) - weights.max_distance
    ]
    # A third for the summary and a sixth for the conclusion, at the most, so that the sections have the other half.
    summary = _first_that_fit(near[: max(1, len(near) - 1)], weights.summary_size, len(sentences) // 3)
    summary.sort(key=lambda block: (block is not opening, -weight[block]))
    rest = [block for block in ranked if block not in summary]
    next_best = [block for block in rest if block in near] or rest[:1]
    conclusion = _first_that_fit(next_best, weights.conclusion_size, len(sentences) // 6)
    concluding = {each for block in conclusion for each in block}
    return [each for block in summary for each in block], [each for each in sentences if each in concluding]


def _weight(block: SentenceBlock, weights: ClosingWeights) -> float:
    """Return the weight of a block: that of its best sentence, less where it is hard to open with."""
    surname = weights.surname_of_chunk if opens_with_surname_of_chunk(block[0]) else 0.0
    return max(each.relevance for each in block) - surname - weights.companion * (len(block) - 1)


def _first_that_fit(blocks: Sequence[SentenceBlock], most: int, sentences: int) -> list[SentenceBlock]:
    """Return the first of ``blocks``, and of the others those with which there are at most so many ``sentences``."""
    chosen = list(blocks[:1])
    for block in blocks[1:]:
        if len(chosen) < most and sum(map(len, chosen)) + len(block) <= sentences:
            chosen.append(block)
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class DividedEvidence:
    """The evidence sentences of a brief that quotes, by the part in which they stand."""

    summary: tuple[EvidenceSentence, ...]
    sections: tuple[OutlineSection, ...]
    conclusion: tuple[EvidenceSentence, ...]


def divide_evidence(outline: Outline) -> DividedEvidence:
    """Divide the evidence sentences of ``outline`` so that no sentence stands in two parts of the brief.

    A section whose sentences all stand in the summary or in the conclusion is left out. If none were left, there is no
    conclusion, and if there is but one block, it stands in the summary and in its section.
    """
    summary, conclusion = closing_evidence(outline)
    for closing in (conclusion, []):
        sections = _without(outline.sections, {*summary, *closing})
        if sections:
            return DividedEvidence(summary=tuple(summary), sections=sections, conclusion=tuple(closing))
    return DividedEvidence(summary=tuple(summary), sections=outline.sections, conclusion=())


def _without(sections: tuple[OutlineSection, ...], taken: set[EvidenceSentence]) -> tuple[OutlineSection, ...]:
    """Return ``sections`` without the sentences ``taken``, under headings of what is left of them."""
    rest = [[each for each in section.evidence if each not in taken] for section in sections]
    left = [evidence for evidence in rest if evidence]
    return tuple(
        OutlineSection(heading=heading, evidence=tuple(evidence))
        for heading, evidence in zip(headings_from_documents(left), left, strict=True)
    )
