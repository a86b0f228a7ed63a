"""Render a brief in colour on a terminal, or as plain text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rag.render import cleaning, wording
from rag.types import Brief, Chunk, Sentence

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH = 88
"""Width of plain text in columns, and the maximum on a terminal: longer lines are hard to read."""


def to_text(brief: Brief) -> str:
    """Return ``brief`` as plain text, wrapped at :data:`WIDTH` columns."""
    from rich.console import Console

    file = io.StringIO()
    plain = Console(
        file=file, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    print_brief(brief, plain)
    return file.getvalue()


def print_brief(brief: Brief, console: Console) -> None:
    """Print ``brief`` to ``console``, at most :data:`WIDTH` columns wide.

    Control characters from documents and models are replaced by visible symbols.
    """
    width = min(console.width, WIDTH)
    for indent, label, body in _rows(brief):
        if label or body:
            _print_row(console, indent, label, body, width)
        else:
            console.print()


TextRow = tuple[int, str, "Text | str"]
"""Columns of indent, the label in the indent of the first line (bullet or number), and the body."""

_BLANK: TextRow = (0, "", "")


def _rows(brief: Brief) -> Iterator[TextRow]:
    yield 0, "", _bold(cleaning.running_text(brief.question))
    yield _BLANK
    yield from _answer(brief) if brief.sections else _no_answer(brief)
    for notice in brief.trace.notices:
        yield 2, "-", _dim(f"Note: {cleaning.single_line(notice)}")
    yield 0, "", _dim(f"{wording.provenance(brief)} {wording.check_summary(brief)}")


def _answer(brief: Brief) -> Iterator[TextRow]:
    numbers = wording.source_numbers(brief)
    if brief.summary:
        yield from _part(wording.SUMMARY, brief.summary, numbers)
    for n, section in enumerate(brief.sections, start=1):
        yield from _part(f"{n}. {cleaning.running_text(section.heading)}", section.sentences, numbers)
    if brief.conclusion:
        yield from _part(wording.CONCLUSION, brief.conclusion, numbers)
    if brief.disagreements:
        yield 0, "", _bold(wording.DISAGREEMENTS)
        for each in brief.disagreements:
            yield 0, "", cleaning.running_text(each.about)
            for side in each.sides:
                yield 2, "-", _paragraph([side], numbers)
        yield _BLANK
    yield from _gaps(brief)
    yield 0, "", _bold(wording.SOURCES)
    margin = len(f"[{len(numbers)}] ")
    for n, chunk in enumerate(brief.cited(), start=1):
        yield margin, f"[{n}]", _source(chunk)
    yield _BLANK


def _no_answer(brief: Brief) -> Iterator[TextRow]:
    yield 0, "", _bold(wording.NO_ANSWER)
    yield _BLANK
    yield 0, "", _bold(wording.SEARCHED)
    yield 0, "", wording.search_summary(brief)
    yield _BLANK
    yield from _gaps(brief)
    if brief.evidence:
        yield 0, "", _bold(wording.NEAREST_PASSAGES)
    for n, hit in enumerate(wording.nearest_hits(brief), start=1):
        yield 3, f"{n}.", _source(hit.chunk)
        yield 3, "", cleaning.single_line(hit.chunk.text)
        yield _BLANK


def _gaps(brief: Brief) -> Iterator[TextRow]:
    if brief.gaps:
        yield 0, "", _bold(wording.GAPS)
        for gap in brief.gaps:
            yield 2, "-", cleaning.running_text(gap)
        yield _BLANK


def _part(heading: str, sentences: Iterable[Sentence], numbers: dict[str, int]) -> Iterator[TextRow]:
    yield 0, "", _bold(heading)
    yield 0, "", _paragraph(sentences, numbers)
    yield _BLANK


def _paragraph(sentences: Iterable[Sentence], numbers: dict[str, int]) -> Text:
    from rich.text import Text

    text = Text()
    for i, sentence in enumerate(sentences):
        body, stop = cleaning.split_final_stop(cleaning.running_text(sentence.text))
        text.append(f"{' ' if i else ''}{body} ")
        text.append(wording.markers(sentence, numbers), style="cyan")
        text.append(stop)
    return text


def _source(chunk: Chunk) -> Text:
    """Return ``Title — headings, p. 33 — source, date — chunk id``."""
    from rich.text import Text

    origin = ", ".join(filter(None, map(cleaning.single_line, (chunk.source, chunk.date or ""))))
    parts = [wording.title(chunk), wording.location(chunk), origin]
    return Text(" — ".join(part for part in parts if part)).append(f" — {chunk.id}", style="dim")


def _bold(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="bold")


def _dim(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="dim")


def _print_row(console: Console, indent: int, label: str, body: Text | str, width: int) -> None:
    """Wrap ``body`` and print it with a hanging indent and without white space at line ends."""
    from rich.text import Text

    text = body if isinstance(body, Text) else Text(body)
    for i, piece in enumerate(text.wrap(console, max(20, width - indent))):
        piece.rstrip()
        margin = Text((label if i == 0 else "").ljust(indent))
        console.print(margin + piece, soft_wrap=True, highlight=False)
