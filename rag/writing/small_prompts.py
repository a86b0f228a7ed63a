"""The prompts of the small writer, and how notes and passages are numbered in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.types import Chunk

HEADING_PROMPT = "small_heading"
SUMMARY_PROMPT = "small_summary"


def numbered_sources(sources: Iterable[tuple[str, str, str]]) -> str:
    """Return one line a note, numbered from 1: ``1 [Title | heading] text``, without ``| heading`` if it is empty.

    A place is named once for notes that follow each other: it is as long as a short note. One without title or heading
    is ``untitled``.

    Args:
        sources: title of the document, innermost heading and text of each.
    """
    lines = []
    before = ""
    for number, (title, heading, text) in enumerate(sources, 1):
        place = " | ".join(filter(None, (one_line(title), one_line(heading)))) or "untitled"
        lines.append(f"{number} [{place}] {one_line(text)}" if place != before else f"{number} {one_line(text)}")
        before = place
    return "\n".join(lines)


def numbered_passages(passages: Sequence[Chunk]) -> str:
    """Return ``passages`` under their titles and innermost headings, numbered from 1."""
    return "\n\n".join(
        f"[{number}] {' — '.join(filter(None, (passage.title, *passage.heading_path[-1:])))}\n{passage.text}"
        for number, passage in enumerate(passages, 1)
    )


def one_line(text: str) -> str:
    """Return ``text`` with single spaces in place of line breaks and runs of white space."""
    return " ".join(text.split())
