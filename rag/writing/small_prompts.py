"""The prompt of the small writer, and how notes are numbered in it."""

from __future__ import annotations

from collections.abc import Iterable

SECTION_PROMPT = "small_section"


def numbered_sources(sources: Iterable[tuple[str, str, str]]) -> str:
    """Return one line a note, numbered from 1: ``1 [Title | heading] text``, without ``| heading`` if it is empty.

    Args:
        sources: title of the document, innermost heading and text of each.
    """
    return "\n".join(_source_line(number, *source) for number, source in enumerate(sources, 1))


def _source_line(number: int, title: str, heading: str, text: str) -> str:
    place = " | ".join(filter(None, (one_line(title), one_line(heading))))
    return f"{number} [{place}] {one_line(text)}"


def one_line(text: str) -> str:
    """Return ``text`` with single spaces in place of line breaks and runs of white space."""
    return " ".join(text.split())
