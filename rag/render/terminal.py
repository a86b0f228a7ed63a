"""Brief → terminal, with rich, and the same without colour as plain text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rag.render import wording
from rag.types import Brief, Chunk, Sentence

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH = 88
"""Columns of the plain text, and the most that a wide terminal gets: longer lines are hard to read."""


def to_text(brief: Brief) -> str:
    """``brief`` as plain text, wrapped at :data:`WIDTH` columns."""
    from rich.console import Console

    file = io.StringIO()
    plain = Console(
        file=file, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    print_brief(brief, plain)
    return file.getvalue()


def print_brief(brief: Brief, console: Console) -> None:
    """Print ``brief`` to ``console``, at most :data:`WIDTH` columns wide.

    Control characters in documents or in the model's words are drawn, never sent.
    """
    width = min(console.width, WIDTH)
    for indent, first, body in _rows(brief):
        if first or body:
            _print(console, indent, first, body, width)
        else:
            console.print()


TextRow = tuple[int, str, "Text | str"]
"""Columns to indent by, what stands in the indent of the first line, and the text; a blank line is all empty."""

_BLANK: TextRow = (0, "", "")


def _rows(brief: Brief) -> Iterator[TextRow]:
    yield 0, "", _bold(wording.prose(brief.question))
    yield _BLANK
    yield from _answer(brief) if brief.sections else _no_answer(brief)
    for notice in brief.trace.notices:
        yield 2, "-", _dim(f"Note: {wording.line(notice)}")
    yield 0, "", _dim(f"{wording.made_by(brief)} {wording.checked(brief)}")


def _answer(brief: Brief) -> Iterator[TextRow]:
    number = wording.numbers(brief)
    if brief.summary:
        yield from _part(wording.SUMMARY, brief.summary, number)
    for n, section in enumerate(brief.sections, start=1):
        yield from _part(f"{n}. {wording.prose(section.heading)}", section.sentences, number)
    if brief.conclusion:
        yield from _part(wording.CONCLUSION, brief.conclusion, number)
    if brief.disagreements:
        yield 0, "", _bold(wording.DISAGREEMENTS)
        for each in brief.disagreements:
            yield 0, "", wording.prose(each.about)
            for side in each.sides:
                yield 2, "-", _paragraph([side], number)
        yield _BLANK
    yield from _gaps(brief)
    yield 0, "", _bold(wording.SOURCES)
    margin = len(f"[{len(number)}] ")
    for n, chunk in enumerate(brief.cited(), start=1):
        yield margin, f"[{n}]", _source(chunk)
    yield _BLANK


def _no_answer(brief: Brief) -> Iterator[TextRow]:
    yield 0, "", _bold(wording.NO_ANSWER)
    yield _BLANK
    yield 0, "", _bold(wording.SEARCHED)
    yield 0, "", wording.searched(brief)
    yield _BLANK
    yield from _gaps(brief)
    if brief.evidence:
        yield 0, "", _bold(wording.NEAREST_PASSAGES)
    for n, hit in enumerate(wording.nearest(brief), start=1):
        yield 3, f"{n}.", _source(hit.chunk)
        yield 3, "", wording.line(hit.chunk.text)
        yield _BLANK


def _gaps(brief: Brief) -> Iterator[TextRow]:
    if brief.gaps:
        yield 0, "", _bold(wording.GAPS)
        for gap in brief.gaps:
            yield 2, "-", wording.prose(gap)
        yield _BLANK


def _part(heading: str, sentences: Iterable[Sentence], number: dict[str, int]) -> Iterator[TextRow]:
    yield 0, "", _bold(heading)
    yield 0, "", _paragraph(sentences, number)
    yield _BLANK


def _paragraph(sentences: Iterable[Sentence], number: dict[str, int]) -> Text:
    from rich.text import Text

    text = Text()
    for i, sentence in enumerate(sentences):
        body, stop = wording.split_end(wording.prose(sentence.text))
        text.append(f"{' ' if i else ''}{body} ")
        # Unbreakable, so that no marker opens a line on its own.
        text.append(wording.marks(sentence, number), style="cyan")
        text.append(stop)
    return text


def _source(chunk: Chunk) -> Text:
    """``Title — headings, p. 33 — source, date — chunk id``."""
    from rich.text import Text

    origin = ", ".join(part for part in (wording.line(chunk.source), wording.line(chunk.date or "")) if part)
    parts = [wording.title(chunk), wording.place(chunk), origin]
    return Text(" — ".join(part for part in parts if part)).append(f" — {chunk.id}", style="dim")


def _bold(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="bold")


def _dim(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="dim")


def _print(console: Console, indent: int, first: str, body: Text | str, width: int) -> None:
    """Wrap ``body`` and print it with a hanging indent; nothing but the text's own characters at line ends."""
    from rich.text import Text

    text = body if isinstance(body, Text) else Text(body)
    for i, piece in enumerate(text.wrap(console, max(20, width - indent))):
        piece.rstrip()
        margin = Text((first if i == 0 else "").ljust(indent))
        console.print(margin + piece, soft_wrap=True, highlight=False)
