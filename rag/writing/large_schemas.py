"""The schemas of a large model's replies: what it chose to read, the brief, and its corrections.

An alias can only be one that the request shows.
"""

from __future__ import annotations

from typing import Any, Literal

from rag.writing.editing import EditAction
from rag.writing.reply_schemas import alias_type, list_of, strict_schema

MAX_CITATIONS = 8
"""Largest number of passages that a sentence cites."""

SECTION_SIZE, SUMMARY_SIZE, CONCLUSION_SIZE = 6, 6, 3
"""Largest numbers of sentences."""

MAX_GAPS, MAX_DISAGREEMENTS = 4, 3
"""Largest numbers of gaps and of disagreements of a draft."""

MAX_READ, MAX_SEARCHES = 20, 6
"""Largest numbers of passages that are chosen for the brief, besides those beside them, and of searches for more."""

NO_SENTENCE = "none"
"""Stands for the sentence that answers a gap where none does: the gap was put wrongly."""

MAX_EDITS, MAX_OPEN_GAPS, MAX_LAST_SEARCHES = 48, 2, 4
"""Largest numbers of corrections of a brief, of gaps that its editor adds, and of searches before it is edited."""


def select_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a choice among the passages with these ``aliases``."""
    return strict_schema(
        "Selection",
        read=(list_of(alias_type("Passage", aliases), 0, MAX_READ), ...),
        searches=(list_of(str, 0, MAX_SEARCHES), ...),
    )


def brief_schema(aliases: tuple[str, ...], sections: int) -> Any:
    """Return the schema of a brief of at most so many ``sections``, which cites the passages with these ``aliases``.

    It has a section and a summary if the question is answered, and none if not.

    The outline comes before what is written by it: a model that does not reason before it replies does so in it.
    """
    cited = list_of(alias_type("Alias", aliases), 1, MAX_CITATIONS)
    sentence = strict_schema("Item", text=(str, ...), citations=(cited, ...))
    section = strict_schema("Section", heading=(str, ...), sentences=(list_of(sentence, 1, SECTION_SIZE), ...))
    disagreement = strict_schema("Disagreement", about=(str, ...), sides=(list_of(sentence, 1, 2), ...))
    gap = strict_schema("Gap", gap=(str, ...), search=(str, ...))
    return strict_schema(
        "WrittenBrief",
        answered=(Literal["fully", "partly", "no"], ...),
        outline=(str, ...),
        sections=(list_of(section, 0, sections), ...),
        summary=(list_of(sentence, 0, SUMMARY_SIZE), ...),
        conclusion=(list_of(sentence, 0, CONCLUSION_SIZE), ...),
        disagreements=(list_of(disagreement, 0, MAX_DISAGREEMENTS), ...),
        gaps=(list_of(gap, 0, MAX_GAPS), ...),
        searches=(list_of(str, 0, MAX_LAST_SEARCHES), ...),
        check=_answers_as_it_says,
    )


def _answers_as_it_says(brief: Any) -> Any:
    """Return ``brief`` if it has a section and a summary, or says that nothing is answered and has no section.

    Raises:
        ValueError: it is neither; the model is then asked again.
    """
    if brief.answered == "no" and brief.sections:
        raise ValueError('answered is "no", and there are sections')
    if brief.answered != "no" and not (brief.sections and brief.summary):
        raise ValueError(f'answered is "{brief.answered}", and sections or summary is empty')
    return brief


def edit_schema(
    sentences: tuple[str, ...], headings: tuple[str, ...], gaps: tuple[str, ...], passages: tuple[str, ...]
) -> Any:
    """Return the schema of the corrections of a brief, whose parts have these aliases."""
    source = alias_type("Sentence", sentences)
    edit = strict_schema(
        "Edit",
        sentence=(source, ...),
        action=(EditAction, ...),
        text=(str, ...),
        citations=(list_of(alias_type("Passage", passages), 0, MAX_CITATIONS), ...),
        why=(str, ...),
    )
    heading = strict_schema(
        "NewHeading", section=(alias_type("Heading", headings) if headings else str, ...), heading=(str, ...)
    )
    gap = strict_schema(
        "ClosedGap",
        gap=(alias_type("Gap", gaps) if gaps else str, ...),
        sentence=(alias_type("Answer", (*sentences, NO_SENTENCE)), ...),
        left=(str, ...),
    )
    return strict_schema(
        "Corrections",
        edits=(list_of(edit, 0, MAX_EDITS), ...),
        headings=(list_of(heading, 0, len(headings)), ...),
        closed=(list_of(gap, 0, len(gaps)), ...),
        open=(list_of(str, 0, MAX_OPEN_GAPS), ...),
    )
