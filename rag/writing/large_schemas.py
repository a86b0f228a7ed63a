"""The schemas of a large model's replies: what it chose to read, the brief, and its corrections.

An alias can only be one that the request shows. The outline's is in ``rag/writing/thematic_outline.py``.
"""

from __future__ import annotations

from typing import Any

from rag.writing.editing import EditAction
from rag.writing.reply_schemas import alias_type, list_of, strict_schema
from rag.writing.thematic_outline import MAX_GAPS

MAX_CITATIONS = 8
"""Largest number of passages that a sentence cites."""

SECTION_SIZE, SUMMARY_SIZE, CONCLUSION_SIZE = 6, 6, 3
"""Largest numbers of sentences."""

MAX_SELECTED, MAX_FURTHER_SEARCHES = 20, 4
"""Largest numbers of passages that are chosen of what the searches found, and of searches that follow."""

NO_SENTENCE = "none"
"""Stands for the sentence that answers a gap where none does: the gap was put wrongly."""

MAX_EDITS, MAX_OPEN_GAPS, MAX_LAST_SEARCHES = 48, 2, 4
"""Largest numbers of corrections of a brief, of gaps that its editor adds, and of searches before it is edited."""


def select_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a choice among the passages with these ``aliases``."""
    return strict_schema(
        "Selection",
        read=(list_of(alias_type("Found", aliases), 0, MAX_SELECTED), ...),
        searches=(list_of(str, 0, MAX_FURTHER_SEARCHES), ...),
    )


def brief_schema(aliases: tuple[str, ...], sections: int) -> Any:
    """Return the schema of a brief of at most so many ``sections``, which cites the passages with these ``aliases``."""
    cited = list_of(alias_type("Alias", aliases), 1, MAX_CITATIONS)
    sentence = strict_schema("Item", text=(str, ...), citations=(cited, ...))
    section = strict_schema("Section", heading=(str, ...), sentences=(list_of(sentence, 1, SECTION_SIZE), ...))
    gap = strict_schema("Gap", gap=(str, ...), search=(str, ...))
    return strict_schema(
        "WrittenBrief",
        sections=(list_of(section, 1, sections), ...),
        summary=(list_of(sentence, 1, SUMMARY_SIZE), ...),
        conclusion=(list_of(sentence, 0, CONCLUSION_SIZE), ...),
        gaps=(list_of(gap, 0, MAX_GAPS), ...),
        searches=(list_of(str, 0, MAX_LAST_SEARCHES), ...),
    )


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
