"""Blocks: the headings and paragraphs that every format is read into, and their assembly into one text.

Format modules do not compute offsets. They yield blocks in reading order, with :data:`PAGE_BREAK` where a physical page
begins; :func:`assemble` concatenates the blocks and records the offset of each heading and page as it writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rag.ingest.clean import PAGE_BREAK, REDACTED, clean_code, clean_text, match_key
from rag.ingest.omissions import Tally
from rag.types import Heading

_BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading (``level`` from 1), a paragraph (``level`` 0) or a block of code.

    A paragraph may contain single line breaks (table rows, code). :data:`PAGE_BREAK` may occur anywhere in the text:
    what follows it is on the next physical page. Code keeps its white space and has no page breaks; in the document's
    text its lines are indented (see :func:`rag.text.split_statements`).
    """

    text: str
    level: int = 0
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """The content of a file that is one document.

    ``paged`` says whether the blocks contain page breaks. ``unit`` names the parts of the file ("page", "slide"), of
    which there are ``parts``; in a paged file these are its pages, and need no count. ``read`` is how many of them have
    text, unless the file is paged. ``tally`` has what was left out. ``by_ocr`` are the parts that were read by OCR.
    """

    blocks: tuple[Block, ...]
    media_type: str
    title: str | None = None
    date: str | None = None
    paged: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    parts: int = 0
    read: int = 0
    tally: Tally = field(default_factory=Tally)
    by_ocr: tuple[int, ...] = ()


def assemble(blocks: Iterable[Block], *, paged: bool = False) -> tuple[str, tuple[Heading, ...], tuple[int, ...]]:
    """Join ``blocks`` by blank lines.

    Returns:
        ``(text, headings, page_starts)``. ``page_starts`` has one offset per page, the first of them 0; it is empty
        unless ``paged``.
    """
    written: list[str] = []
    length = 0
    headings: list[Heading] = []
    starts = [0]
    pending_pages = 0  # pages that began after the last written character
    for block in blocks:
        page_offsets: list[int] = []
        if block.code:
            text = clean_code(block.text)
        else:
            text, page_offsets = _extract_page_breaks(_normalize_breaks(block))
        if not (
            text if block.code else match_key(text.replace(REDACTED, ""))
        ):  # blank, a row of asterisks, or redacted entirely
            pending_pages += len(page_offsets)
            continue
        if written:
            written.append("\n\n")
            length += 2
        starts += [length] * pending_pages + [length + offset for offset in page_offsets]
        pending_pages = 0
        if block.level:
            headings.append(Heading(start=length, end=length + len(text), level=block.level, text=text))
        written.append(text)
        length += len(text)
    starts += [length] * pending_pages
    return "".join(written), tuple(headings), tuple(starts) if paged else ()


def _normalize_breaks(block: Block) -> str:
    text = clean_text(block.text)
    if block.level:
        return re.sub(r"[ \n]+", " ", text).strip(" ")
    return _BLANK_LINES.sub("\n", text)


def _extract_page_breaks(text: str) -> tuple[str, list[int]]:
    """Return ``text`` stripped and without page breaks, and the offset at which each of those pages begins."""
    first, *rest = text.split(PAGE_BREAK)
    body = first.strip()
    offsets = []
    for part in rest:
        piece = part.strip()
        if body and piece:
            body += "\n" if part.startswith("\n") else " "
        # Measured after the strip: a page that begins at the end of the text begins there, not after a trailing space.
        offsets.append(len(body))
        body += piece
    return body, offsets
