"""Blocks, what every format is read into, and their assembly into one text with exact offsets.

A format module never counts characters. It yields headings and paragraphs in reading order, with
:data:`PAGE` wherever a physical page begins; :func:`assemble` writes them down and notes where each
heading and page landed, so that offsets are right by construction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rag.ingest.clean import PAGE, REDACTED, key, plain
from rag.types import Heading

_BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading (``level`` from 1) or a paragraph (``level`` 0).

    A paragraph may hold single line breaks (rows of a table, code). :data:`PAGE` may stand anywhere
    in it: the words after it are on the next physical page.
    """

    text: str
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a format module found in one file. ``paged`` says that the blocks carry page marks."""

    blocks: tuple[Block, ...]
    media_type: str
    title: str | None = None
    date: str | None = None
    paged: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


def assemble(blocks: Iterable[Block], *, paged: bool = False) -> tuple[str, tuple[Heading, ...], tuple[int, ...]]:
    """``(text, headings, page_starts)``: blocks one blank line apart, offsets exact.

    ``page_starts`` is empty unless ``paged``; else it has one entry a page, the first of them 0.
    """
    written: list[str] = []
    length = 0
    headings: list[Heading] = []
    starts = [0]
    waiting = 0  # pages that began since the last written character
    for block in blocks:
        text, marks = _lift_page_marks(_tidy(block))
        if not key(text.replace(REDACTED, "")):  # nothing to read: blank, a row of stars, all redacted
            waiting += len(marks)
            continue
        if written:
            written.append("\n\n")
            length += 2
        starts += [length] * waiting + [length + mark for mark in marks]
        waiting = 0
        if block.level:
            headings.append(Heading(start=length, end=length + len(text), level=block.level, text=text))
        written.append(text)
        length += len(text)
    starts += [length] * waiting
    return "".join(written), tuple(headings), tuple(starts) if paged else ()


def _tidy(block: Block) -> str:
    text = plain(block.text)
    if block.level:
        return re.sub(r"[ \n]+", " ", text).strip(" ")
    return _BLANK_LINES.sub("\n", text)


def _lift_page_marks(text: str) -> tuple[str, list[int]]:
    """``text`` without its page marks, stripped, and the offset at which each of those pages begins."""
    first, *rest = text.split(PAGE)
    body = first.strip()
    marks = []
    for part in rest:
        piece = part.strip()
        if body and piece:
            body += "\n" if part.startswith("\n") else " "
        marks.append(len(body))
        body += piece
    # A page that begins at the end of the text begins at its end, not after a space that nobody wrote.
    return body, marks
