"""Make a brief of what became of its parts when they were corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.types import Brief, Disagreement, Section, Sentence
from rag.writing.editing import DraftEdits, EditedParts, PartToEdit


def brief_of_parts(brief: Brief, parts: Sequence[PartToEdit], edited: EditedParts, corrections: DraftEdits) -> Brief:
    """Return ``brief`` with what became of its ``parts``, and with the headings and gaps of ``corrections``.

    A section without a sentence is left out. A disagreement of which the two sides do not cite different passages any
    more stays as it was printed, unless both are dropped, and so does one that is among no parts. A gap stays if the
    sentence that closes it is not printed.
    """
    own = list(zip(parts, edited.sentences, strict=True))
    by_kind = {part.kind: tuple(sentences) for part, sentences in own}
    sections = tuple(
        Section(heading=corrections.headings.get(at, part.name), sentences=tuple(sentences))
        for at, (part, sentences) in enumerate(own)
        if part.kind == "section" and sentences
    )
    sides = [(part.name, sentences) for part, sentences in own if part.kind == "side"]
    before = {each.about: each for each in brief.disagreements}
    disagreements = [
        _disagreement(about, one, other) or (before.get(about) if one or other else None)
        for (about, one), (_, other) in zip(sides[::2], sides[1::2], strict=True)
    ]
    corrected = {about for about, _ in sides}
    disagreements += [each for each in brief.disagreements if each.about not in corrected]
    closed = {gap: left for gap, (at, left) in corrections.closed_gaps.items() if at not in edited.failed}
    left = (left for gap in brief.gaps if (left := closed.get(gap, gap)))
    return replace(
        brief,
        summary=by_kind["summary"] or brief.summary,
        sections=sections or brief.sections,
        conclusion=by_kind["conclusion"],
        disagreements=tuple(each for each in disagreements if each),
        gaps=tuple(dict.fromkeys((*left, *corrections.open_gaps))),
    )


def _disagreement(about: str, one: Sequence[Sentence], other: Sequence[Sentence]) -> Disagreement | None:
    """Return the disagreement of two sides of a sentence each that cite different passages, or None."""
    if len(one) == len(other) == 1 and set(one[0].citations) != set(other[0].citations):
        return Disagreement(about=about, sides=(one[0], other[0]))
    return None
