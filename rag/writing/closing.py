"""Divide the evidence sentences of an outline among summary, sections and conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import Sentence
from rag.writing.evidence import EvidenceSentence, opens_with_surname_of_chunk
from rag.writing.headings import headings_from_documents
from rag.writing.outline import Outline, OutlineSection
from rag.writing.repetition import repeated_in
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
    blocks = blocks_of(sentences)
    opening = next((block for block in blocks if set(outline.key_points[:1]) & set(block)), blocks[0])
    weight = {block: _weight(block, weights) for block in blocks}
    ranked = sorted(_by_weight(blocks, outline, weights), key=lambda block: block is not opening)
    near = [
        block for block in ranked if block is opening or weight[block] >= max(weight.values()) - weights.max_distance
    ]
    # A third for the summary and a sixth for the conclusion, at the most, so that the sections have the other half.
    summary = _first_that_fit(near[: max(1, len(near) - 1)], weights.summary_size, len(sentences) // 3)
    summary.sort(key=lambda block: (block is not opening, -weight[block]))
    rest = [block for block in ranked if block not in summary]
    next_best = [block for block in rest if block in near] or rest[:1]
    return [each for block in summary for each in block], _concluding(next_best, sentences, weights)


def _by_weight(blocks: Sequence[SentenceBlock], outline: Outline, weights: ClosingWeights) -> list[SentenceBlock]:
    """Return ``blocks``, those first that weigh most, key points with their bonus."""

    def value(block: SentenceBlock) -> float:
        return _weight(block, weights) + weights.key_point * any(each in outline.key_points for each in block)

    return sorted(blocks, key=value, reverse=True)


def _concluding(
    ranked: Sequence[SentenceBlock], sentences: Sequence[EvidenceSentence], weights: ClosingWeights
) -> list[EvidenceSentence]:
    """Return the sentences of the conclusion, from the blocks ``ranked``, in the order of all ``sentences``."""
    conclusion = _first_that_fit(ranked, weights.conclusion_size, len(sentences) // 6)
    concluding = {each for block in conclusion for each in block}
    return [each for each in sentences if each in concluding]


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
    sections, conclusion = _sections_beside(outline, summary, conclusion)
    return DividedEvidence(summary=tuple(summary), sections=sections, conclusion=tuple(conclusion))


def divide_beside_summary(
    outline: Outline, summary: Sequence[Sequence[Sentence]], weights: ClosingWeights = DEFAULT_CLOSING_WEIGHTS
) -> tuple[tuple[Sentence, ...], DividedEvidence]:
    """Divide the evidence sentences of ``outline`` that the written ``summary`` does not repeat.

    Of a block of which the summary says a sentence no other one is printed: it may refer to this one.

    Returns:
        The summary, without its last blocks if nothing were left for the sections, and the rest of the brief.
    """
    sentences = [sentence for section in outline.sections for sentence in section.evidence]
    blocks = blocks_of(sentences)
    kept = list(summary)
    while len(said := _repeated(blocks, kept)) == len(blocks) and len(kept) > 1:
        kept.pop()
    left = _by_weight([block for block in blocks if block not in said], outline, weights)
    taken = [each for block in said for each in block]
    sections, conclusion = _sections_beside(outline, taken, _concluding(left, sentences, weights))
    divided = DividedEvidence(summary=(), sections=sections, conclusion=tuple(conclusion))
    return tuple(sentence for block in kept for sentence in block), divided


def _repeated(blocks: Sequence[SentenceBlock], summary: Sequence[Sequence[Sentence]]) -> list[SentenceBlock]:
    """Return those of ``blocks`` of which ``summary`` says a sentence."""
    texts = [sentence.text for block in summary for sentence in block]
    return [block for block in blocks if any(repeated_in(each.text, texts) for each in block)]


def _sections_beside(
    outline: Outline, summary: Sequence[EvidenceSentence], conclusion: list[EvidenceSentence]
) -> tuple[tuple[OutlineSection, ...], list[EvidenceSentence]]:
    """Return the sections without what summary and conclusion quote, and the conclusion where a section is left."""
    for closing in (conclusion, []):
        sections = _without(outline.sections, {*summary, *closing})
        if sections:
            return sections, closing
    return outline.sections, []


def _without(sections: tuple[OutlineSection, ...], taken: set[EvidenceSentence]) -> tuple[OutlineSection, ...]:
    """Return ``sections`` without the sentences ``taken``, under headings of what is left of them."""
    rest = [[each for each in section.evidence if each not in taken] for section in sections]
    left = [evidence for evidence in rest if evidence]
    return tuple(
        OutlineSection(heading=heading, evidence=tuple(evidence))
        for heading, evidence in zip(headings_from_documents(left), left, strict=True)
    )
