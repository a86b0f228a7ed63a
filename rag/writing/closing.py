"""Divide the evidence sentences of an outline among summary, sections and conclusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.writing.blocks import Block, blocks_of
from rag.writing.evidence import EvidenceSentence, opens_with_known_surname
from rag.writing.headings import headings_from_documents
from rag.writing.outline import Outline, OutlineSection


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingWeights:
    """The tunables of :func:`closing_evidence`. Weights and distances are on the scale of relevance, 0 to 1."""

    summary_size: int = 4
    """Largest number of sentences in the summary, without those that must stand beside them."""

    conclusion_size: int = 2
    """The same for the conclusion."""

    max_distance: float = 0.3
    """Leave out sentences that weigh this much less than the best one; the conclusion takes one if it has no other."""

    key_point: float = 0.2
    """Bonus of a section's key point: the summary should cover several sections."""

    unknown_surname: float = 0.4
    """Penalty of a sentence that opens with a surname that its chunk, but not the brief, has introduced."""

    companion: float = 0.1
    """Penalty of a sentence for each one that must stand beside it."""


DEFAULT_CLOSING_WEIGHTS = ClosingWeights()


def closing_evidence(
    outline: Outline, weights: ClosingWeights = DEFAULT_CLOSING_WEIGHTS
) -> tuple[list[EvidenceSentence], list[EvidenceSentence]]:
    """Choose the sentences of the summary and of the conclusion among those of the sections of ``outline``.

    The summary takes the sentences with the highest weight, the best one first, and the conclusion the next ones, in
    the order of the brief. For a broad question, which no sentence answers alone, the summary takes key points first.
    Sentences that stand together are chosen together.
    """
    sentences = [sentence for section in outline.sections for sentence in section.evidence]
    if not sentences:
        return [], []
    block_of = {each: block for block in blocks_of(sentences) for each in block}
    weight = {
        sentence: sentence.relevance
        - (weights.unknown_surname if opens_with_known_surname(sentence) else 0.0)
        - weights.companion * (len(block_of[sentence]) - 1)
        for sentence in sentences
    }
    ranked = sorted(
        sentences,
        key=lambda sentence: weight[sentence] + (weights.key_point if sentence in outline.key_points else 0.0),
        reverse=True,
    )
    first = (
        [each for each in outline.key_points if each in weight]
        if outline.broad
        else [max(sentences, key=lambda each: weight[each])]
    )
    ranked = [*first, *(sentence for sentence in ranked if sentence not in first)]
    lowest = -float("inf") if outline.broad else max(weight.values()) - weights.max_distance
    near = [sentence for sentence in ranked if weight[sentence] >= lowest]
    # A third for the summary and a sixth for the conclusion, at the most, so that the sections have the other half.
    summary_size = min(weights.summary_size, max(1, len(near) - 1), max(1, len(sentences) // 3))
    conclusion_size = min(weights.conclusion_size, max(1, len(sentences) // 6))
    chosen = near[:summary_size] if outline.broad else sorted(near[:summary_size], key=lambda each: -weight[each])
    summary = _in_blocks(chosen, block_of)
    rest = [sentence for sentence in ranked if sentence not in summary]
    next_best = [sentence for sentence in rest if sentence in near][:conclusion_size] or rest[:1]
    conclusion = set(_in_blocks(next_best, block_of))
    return summary, [each for each in sentences if each in conclusion]


@dataclass(frozen=True, slots=True, kw_only=True)
class DividedEvidence:
    """The evidence sentences of a brief that quotes, by the part in which they stand."""

    summary: tuple[EvidenceSentence, ...]
    sections: tuple[OutlineSection, ...]
    conclusion: tuple[EvidenceSentence, ...]


def divide_evidence(outline: Outline) -> DividedEvidence:
    """Divide the evidence sentences of ``outline`` so that no sentence stands in two parts of the brief.

    A section whose sentences all stand in the summary or in the conclusion is left out. If none were left, there is no
    conclusion, and if there is but one sentence, it stands in the summary and in its section.
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


def _in_blocks(
    chosen: Sequence[EvidenceSentence], block_of: Mapping[EvidenceSentence, Block]
) -> list[EvidenceSentence]:
    """Return ``chosen`` in order, each with the sentences that stand beside it, none twice."""
    return list(dict.fromkeys(each for sentence in chosen for each in block_of[sentence]))
