"""The two prompts of the small writer: how notes and sentences are numbered in them, and how its replies are written.

The adapter of the packaged model is trained on exactly this form (``eval/training/writer``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SECTION_PROMPT = "small_section"
CLOSING_PROMPT = "small_closing"


def numbered_notes(notes: Iterable[tuple[str, str, str]]) -> str:
    """Return one line a note, numbered from 1: ``1 [Title | heading] text``, without ``| heading`` if it is empty.

    Args:
        notes: title of the document, innermost heading and text of each.
    """
    return "\n".join(_note_line(number, *note) for number, note in enumerate(notes, 1))


def numbered_sentences(sections: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return a line ``[heading]`` for each section and one line for each of its sentences, numbered through from 1."""
    lines: list[str] = []
    number = 0
    for heading, sentences in sections:
        lines.append(f"[{heading}]")
        for text in sentences:
            number += 1
            lines.append(f"{number} {_one_line(text)}")
    return "\n".join(lines)


def _note_line(number: int, title: str, heading: str, text: str) -> str:
    place = " | ".join(filter(None, (_one_line(title), _one_line(heading))))
    return f"{number} [{place}] {_one_line(text)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
