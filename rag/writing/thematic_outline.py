"""The outline that a large model makes of all evidence in one call: themes, their key points, gaps, disagreements.

The model is asked to name a passage in one theme, and in a second one only for another point. With one theme a passage
four of four hand-written briefs lost points: a passage often has a cause and an outcome, or both sides of a matter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from rag.errors import ReplyError
from rag.types import Chunk
from rag.verify.facts import findings
from rag.writing.drafts import Draft, quote_draft
from rag.writing.headings import clean_heading, heading_fault, heading_of_passages
from rag.writing.model_calls import clean_sentences, without_markers
from rag.writing.outline import Outline
from rag.writing.repetition import is_near_copy
from rag.writing.reply_schemas import alias_type, list_of, strict_schema

MAX_KEY_POINTS, MAX_EVIDENCE = 5, 4
"""Largest numbers of key points of a theme, and of passages of a key point."""

MAX_GAPS, MAX_DISAGREEMENTS, MAX_NAMES, MAX_SEARCHES = 4, 3, 16, 2
"""Largest numbers of gaps, of disagreements, of names in the glossary, and of searches for a section."""

MAX_GAP_WORDS = 40
"""A longer gap is not printed."""


Glossary = tuple[tuple[str, str], ...]
"""Names as they are mostly used, each with the full form that the evidence gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPoint:
    """What a section has to say, in the model's words, and the passages that state it. It is never printed."""

    text: str
    passages: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """A section to be written: its heading, and at least one key point.

    ``searches`` are queries for what it still lacks.
    """

    heading: str
    key_points: tuple[KeyPoint, ...]
    searches: tuple[str, ...] = ()

    @property
    def passages(self) -> tuple[Chunk, ...]:
        """The passages of all key points, in this order."""
        return tuple({chunk.id: chunk for point in self.key_points for chunk in point.passages}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDisagreement:
    """A disagreement of documents; both sides have to be verified, unless they are quotes."""

    about: str
    sides: tuple[Draft, Draft]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThematicOutline:
    """The plan of a brief. ``themes`` is empty where no passage answers any part of the question.

    ``answer`` is the answer in the model's words, for whoever writes the parts; it is never printed, and "" if unknown.
    ``complete`` says that the passages answer all of the question, though they may lack a detail; ``gaps`` are
    sentences on what they do not answer. ``found`` are passages that ``searches`` found since. ``faults`` say why
    headings of the model were replaced by those of documents.
    """

    themes: tuple[Theme, ...]
    answer: str = ""
    complete: bool = False
    gaps: tuple[str, ...] = ()
    disagreements: tuple[DraftDisagreement, ...] = ()
    glossary: Glossary = ()
    found: tuple[Chunk, ...] = ()
    searches: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def outline_schema(aliases: Sequence[str], sections: int) -> type[BaseModel]:
    """Return the schema of the reply, in which evidence can only be one of ``aliases``."""
    alias = alias_type("Passage", aliases)
    point = strict_schema("Point", text=(str, ...), evidence=(list_of(alias, 1, MAX_EVIDENCE), ...))
    section = strict_schema(
        "Section",
        heading=(str, ...),
        key_points=(list_of(point, 1, MAX_KEY_POINTS), ...),
        searches=(list_of(str, 0, MAX_SEARCHES), ...),
    )
    side = strict_schema("Side", text=(str, ...), evidence=(list_of(alias, 1, 3), ...))
    disagreement = strict_schema("Disagreement", about=(str, ...), sides=(list_of(side, 1, 2), ...))
    gap = strict_schema("Gap", gap=(str, ...), search=(str, ...), section=(int, ...))
    name = strict_schema("Name", short=(str, ...), full=(str, ...))
    return strict_schema(  # type: ignore[no-any-return]
        "Outline",
        answered=(Literal["fully", "partly", "no"], ...),
        answer=(str, ...),
        sections=(list_of(section, 0, sections), ...),
        not_answered=(list_of(gap, 0, MAX_GAPS), ...),
        disagreements=(list_of(disagreement, 0, MAX_DISAGREEMENTS), ...),
        glossary=(list_of(name, 0, MAX_NAMES), ...),
    )


def read_outline(reply: Any, passages: Mapping[str, Chunk], question: str) -> ThematicOutline:
    """Return the outline in a reply that follows :func:`outline_schema`.

    Args:
        reply: the reply.
        passages: the passages that the model saw, by alias.
        question: the question, whose names a heading may have.

    Raises:
        ReplyError: it has no sections although it says that the question is answered.
    """
    # A question that is answered is none of its own gaps.
    gaps = tuple(
        gap
        for gap in gap_sentences([each.gap for each in reply.not_answered])
        if reply.answered == "no" or not is_near_copy(gap, question)
    )
    if reply.answered == "no":
        return ThematicOutline(themes=(), gaps=gaps)
    if not reply.sections:
        raise ReplyError("the outline has no sections")
    named = [
        [KeyPoint(text=point.text.strip(), passages=_chunks(point.evidence, passages)) for point in section.key_points]
        for section in reply.sections
    ]
    evidence = [question, *(f"{chunk.place}\n{chunk.text}" for chunk in passages.values())]
    themes: list[Theme] = []
    faults = []
    searches = _searches_by_section(reply, [bool(points) for points in without_parts_of_others(named)])
    for number, (section, points) in enumerate(zip(reply.sections, without_parts_of_others(named), strict=True), 1):
        if not points:
            continue
        theme = Theme(
            heading=clean_heading(section.heading, evidence),
            key_points=tuple(points),
            searches=clean_queries(searches[number]),
        )
        if fault := heading_fault(theme.heading, evidence, [other.heading for other in themes]):
            faults.append(f"{theme.heading!r} {fault}")
            theme = replace(theme, heading=heading_of_passages(theme.passages, [other.heading for other in themes]))
        themes.append(theme)
    return ThematicOutline(
        themes=tuple(themes),
        answer=without_markers(reply.answer).strip(),
        complete=reply.answered == "fully",
        gaps=gaps,
        disagreements=tuple(found for each in reply.disagreements if (found := _disagreement(each, passages))),
        glossary=tuple(
            (name.short.strip(), name.full.strip())
            for name in reply.glossary
            if name.short.strip() and name.full.strip() and not findings(f"It is {name.full}", evidence)
        ),
        faults=tuple(faults),
    )


def outline_without_model(outline: Outline, evidence: Sequence[Chunk]) -> ThematicOutline:
    """Return the outline of evidence sentences with its sections as themes, for a model that made none.

    Only passages in ``evidence``, those that the model may see, are kept; there may be no theme.
    """
    shown = {chunk.id for chunk in evidence}
    named = [
        [
            KeyPoint(text=sentence.text, passages=(sentence.chunk,))
            for sentence in section.evidence
            if sentence.chunk.id in shown
        ]
        for section in outline.sections
    ]
    themes = tuple(
        Theme(heading=section.heading, key_points=tuple(points))
        for section, points in zip(outline.sections, without_parts_of_others(named), strict=True)
        if points
    )
    conflicts = tuple(
        DraftDisagreement(about=each.about, sides=(quote_draft(each.stating), quote_draft(each.disputing)))
        for each in outline.conflicts
        if {each.stating.chunk.id, each.disputing.chunk.id} <= shown
    )
    return ThematicOutline(themes=themes, disagreements=conflicts)


def without_parts_of_others(named: Sequence[Sequence[KeyPoint]]) -> list[list[KeyPoint]]:
    """Return the key points of each theme; one whose passages all serve an earlier theme gives that its points."""
    themes: list[list[KeyPoint]] = []
    for points in named:
        own = _chunk_ids(points)
        earlier = next((theme for theme in themes if own and own <= _chunk_ids(theme)), None)
        if earlier is not None:
            earlier += points
        themes.append([] if earlier is not None else list(points))
    return themes


def _chunk_ids(points: Sequence[KeyPoint]) -> set[str]:
    return {chunk.id for point in points for chunk in point.passages}


def _searches_by_section(reply: Any, kept: Sequence[bool]) -> defaultdict[int, list[str]]:
    """Return the searches of each section that is ``kept``, by its number; the first has those of no such section."""
    first = next((number for number, own in enumerate(kept, 1) if own), 0)
    wanted = [(each.section, each.search) for each in reply.not_answered]
    wanted += [(number, query) for number, section in enumerate(reply.sections, 1) for query in section.searches]
    found: defaultdict[int, list[str]] = defaultdict(list)
    for number, query in wanted:
        found[number if 1 <= number <= len(kept) and kept[number - 1] else first].append(query)
    return found


def clean_queries(queries: Iterable[str]) -> tuple[str, ...]:
    """Return the different ``queries`` without line breaks; empty ones are left out."""
    return tuple(dict.fromkeys(filter(None, (" ".join(query.split()) for query in queries))))


def gap_sentences(sentences: Sequence[str]) -> tuple[str, ...]:
    """Return the gaps that are whole sentences and not too long, without aliases."""
    found = [" ".join(clean_sentences(text)) for text in sentences]
    return tuple(dict.fromkeys(text for text in found if 0 < len(text.split()) <= MAX_GAP_WORDS))


def _disagreement(reply: Any, passages: Mapping[str, Chunk]) -> DraftDisagreement | None:
    """Return the disagreement, or None unless it has two sides of one sentence each, on different passages."""
    if len(reply.sides) != 2:
        return None
    sides = []
    for side in reply.sides:
        sentences = clean_sentences(side.text)
        if len(sentences) != 1:
            return None
        sides.append(Draft(text=sentences[0], chunks=_chunks(side.evidence, passages), evidence=(), replaceable=False))
    about = re.sub(r"[\s.:;]+$", "", without_markers(reply.about)).strip()
    one, other = sides
    if not about or {chunk.id for chunk in one.chunks} == {chunk.id for chunk in other.chunks}:
        return None
    return DraftDisagreement(about=about[:1].upper() + about[1:], sides=(one, other))


def _chunks(aliases: Sequence[str], passages: Mapping[str, Chunk]) -> tuple[Chunk, ...]:
    return tuple(passages[alias] for alias in dict.fromkeys(map(str, aliases)))
