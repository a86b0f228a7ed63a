"""Convert the lines of an OCR scan, which have no positions and no sizes but much noise, into blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from rag.ingest.blocks import Block
from rag.ingest.clean import PAGE_BREAK, REDACTED, clean_text, is_noise
from rag.ingest.line_joining import join_lines, word_counts

Page = list[str]
"""The lines of a page from top to bottom."""

_SHORT_LINE = 60  # a line with fewer characters and a full stop at its end closes a paragraph
_SAMPLE_PAGES = 12
_REDACTED_LINE = re.compile(
    r"\W*\w{0,4}?\W*(?:(?:Harm to Ongoing Matter|Investigative Technique|Personal Privacy)\W*)+"
)
_DOT_LEADER = re.compile(r"[.…·, ]{8,}[\divxlcIVXLC ]{0,6}\W?$")
_FOOTNOTE_NUMBER = re.compile(r"\d{1,4}")
_FOOTNOTE_MARK = re.compile(r"(?<=[.,;:?!”\"’')\]])\s?(\d{1,4})(?=\s|$)")
_HEADING = re.compile(r"(?:[IVX]{1,5}|[A-Z]|\d{1,2}|[a-z])\.\s+[A-Z]")


def page_blocks(pages: Sequence[Page]) -> Iterator[Block]:
    """Yield the paragraphs and headings of ``pages`` with page breaks.

    Running heads, footnotes, tables of contents and noise are left out. OCR garbles running heads differently on every
    page, so they are recognised by their similarity to the same line of other pages, not by equality.
    """
    bodies = [_body_lines(lines) for lines in _without_running_heads(pages)]
    counts = word_counts(line for lines in bodies for line in lines)
    paragraph: list[str] = []
    page_breaks = ""
    for number, lines in enumerate(bodies):
        page_breaks += PAGE_BREAK if number else ""
        for line in lines:
            level = _heading_level(line)
            if paragraph and (level or _ends_paragraph(paragraph[-1]) or _heading_level(paragraph[-1])):
                yield _make_block(paragraph, counts)
                paragraph = []
            paragraph.append(page_breaks + line)
            page_breaks = ""
    if paragraph:
        yield _make_block(paragraph, counts)
    yield Block(text=page_breaks)


def _make_block(lines: Sequence[str], counts: Counter[str]) -> Block:
    return Block(text=join_lines(lines, counts), level=_heading_level(lines[0]) if len(lines) == 1 else 0)


def _heading_level(line: str) -> int:
    """Return the level of a numbered line in title case, which depends on its kind of number; 0 for other lines."""
    text = line.lstrip(PAGE_BREAK)
    words = [word for word in text.split()[1:] if len(word) > 3]
    titled = len(text) < 90 and not text.endswith((".", ",", ";")) and all(not word[0].islower() for word in words)
    if not (titled and words and _HEADING.match(text)):
        return 0
    number = text.partition(".")[0]
    return 1 if re.fullmatch("[IVX]+", number) else 2 if number.isupper() else 3 if number.isdigit() else 4


def _ends_paragraph(line: str) -> bool:
    return len(line) < _SHORT_LINE and bool(re.search(r"[.?!:][”\"’')\]]*$", line))


def _without_running_heads(pages: Sequence[Page]) -> Iterator[Page]:
    filled = [page for page in pages if page]
    step = max(1, len(filled) // _SAMPLE_PAGES)
    sample = filled[::step]
    for page in pages:
        edges = (0, 1, 2, -1, -2) if len(page) > 8 else (0, -1)
        dropped = {index % len(page) for index in edges if len(page) > 3 and _is_running_head(page, index, sample)}
        yield [line for index, line in enumerate(page) if index not in dropped]


def _is_running_head(page: Page, index: int, sample: Sequence[Page]) -> bool:
    """Whether line ``index`` of ``page`` is a page number or resembles the same line of 40 % of the other pages."""
    line = page[index].strip()
    if index == -1 and _FOOTNOTE_NUMBER.fullmatch(line):
        return True
    others = [other[index] for other in sample if other is not page and len(other) > 3]
    return len(others) >= 2 and sum(_is_similar(line, other) for other in others) >= 0.4 * len(others)


def _is_similar(one: str, other: str) -> bool:
    threshold = 0.55 if min(len(one), len(other)) > 24 else 0.85  # short lines are often similar by chance
    matcher = SequenceMatcher(None, one[:80], other[:80], autojunk=False)
    # The first two ratios are cheap upper bounds of the third.
    return matcher.real_quick_ratio() > threshold and matcher.quick_ratio() > threshold and matcher.ratio() > threshold


def _body_lines(lines: Page) -> Page:
    """Return the lines of a page without footnotes, footnote marks and noise; none for a table of contents."""
    lines = [line.strip() for line in lines]
    if sum(bool(_DOT_LEADER.search(line)) for line in lines) >= 4:
        return []
    start = _footnotes_start(lines)
    numbers = {word for line in lines[start:] if (word := line.split(" ")[0]) and _FOOTNOTE_NUMBER.fullmatch(word)}
    kept = []
    for line in lines[:start]:
        if _REDACTED_LINE.fullmatch(line):
            kept.append(REDACTED)
        elif not is_noise(line) and not _DOT_LEADER.search(line):
            kept.append(
                _FOOTNOTE_MARK.sub(
                    lambda found: "" if found.group(1) in numbers else found.group(), _without_stray_spaces(line)
                )
            )
    return kept


def _without_stray_spaces(line: str) -> str:
    """Remove the spaces that OCR puts before punctuation and inside possessives."""
    return re.sub(r"(?<=\w) (['’]) (?=s\b)", r"\1", re.sub(r"(?<=\w) +(?=[.,;:](?:\s|$))", "", clean_text(line)))


def _footnotes_start(lines: Sequence[str]) -> int:
    """Return the index of the first line that is only a number: OCR puts footnote numbers on lines of their own."""
    for index in range(2, len(lines) - 1):
        if _FOOTNOTE_NUMBER.fullmatch(lines[index]):
            return index
    return len(lines)
