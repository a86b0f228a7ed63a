"""Pages of plain lines, as OCR gives them: no places, no sizes, plenty of noise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from rag.ingest.blocks import Block
from rag.ingest.clean import PAGE, REDACTED, is_noise, join_lines, plain, vocabulary

Page = list[str]
"""The lines of a page from top to bottom."""

_SHORT = 60  # an OCR line below this many characters, with a full stop, ends its paragraph
_SAMPLE = 12
_REDACTED_LINE = re.compile(
    r"\W*\w{0,4}?\W*(?:(?:Harm to Ongoing Matter|Investigative Technique|Personal Privacy)\W*)+"
)
_LEADER = re.compile(r"[.…·, ]{8,}[\divxlcIVXLC ]{0,6}\W?$")
_NOTE_NUMBER = re.compile(r"\d{1,4}")
_NOTE_MARK = re.compile(r"(?<=[.,;:?!”\"’')\]])\s?(\d{1,4})(?=\s|$)")
_HEADING = re.compile(r"(?:[IVX]{1,5}|[A-Z]|\d{1,2}|[a-z])\.\s+[A-Z]")


def page_blocks(pages: Sequence[Page]) -> Iterator[Block]:
    """The pages as paragraphs with page marks: running heads, footnotes, contents and noise left out.

    OCR mangles running heads differently on every page, so they are found by likeness, at the same
    line of other pages, rather than by being the same.
    """
    bodies = [_body(lines) for lines in _without_heads(pages)]
    known = vocabulary(line for lines in bodies for line in lines)
    paragraph: list[str] = []
    pending = ""
    for number, lines in enumerate(bodies):
        pending += PAGE if number else ""
        for line in lines:
            level = _level(line)
            if paragraph and (level or _ended(paragraph[-1]) or _level(paragraph[-1])):
                yield _block(paragraph, known)
                paragraph = []
            paragraph.append(pending + line)
            pending = ""
    if paragraph:
        yield _block(paragraph, known)
    yield Block(text=pending)


def _block(lines: Sequence[str], known: Counter[str]) -> Block:
    return Block(text=join_lines(lines, known), level=_level(lines[0]) if len(lines) == 1 else 0)


def _level(line: str) -> int:
    """A numbered line in title case is a heading: the level by its kind of number, 0 for no heading."""
    text = line.lstrip(PAGE)
    words = [word for word in text.split()[1:] if len(word) > 3]
    titled = len(text) < 90 and not text.endswith((".", ",", ";")) and all(not word[0].islower() for word in words)
    if not (titled and words and _HEADING.match(text)):
        return 0
    number = text.partition(".")[0]
    return 1 if re.fullmatch("[IVX]+", number) else 2 if number.isupper() else 3 if number.isdigit() else 4


def _ended(line: str) -> bool:
    return len(line) < _SHORT and bool(re.search(r"[.?!:][”\"’')\]]*$", line))


def _without_heads(pages: Sequence[Page]) -> Iterator[Page]:
    filled = [page for page in pages if page]
    step = max(1, len(filled) // _SAMPLE)
    sample = filled[::step]
    for page in pages:
        edges = (0, 1, 2, -1, -2) if len(page) > 8 else (0, -1)
        furniture = {place % len(page) for place in edges if len(page) > 3 and _is_furniture(page, place, sample)}
        yield [line for place, line in enumerate(page) if place not in furniture]


def _is_furniture(page: Page, place: int, sample: Sequence[Page]) -> bool:
    line = page[place].strip()
    if place == -1 and _NOTE_NUMBER.fullmatch(line):
        return True
    others = [other[place] for other in sample if other is not page and len(other) > 3]
    return len(others) >= 2 and sum(_alike(line, other) for other in others) >= 0.4 * len(others)


def _alike(one: str, other: str) -> bool:
    enough = 0.55 if min(len(one), len(other)) > 24 else 0.85  # short lines are alike by chance
    matcher = SequenceMatcher(None, one[:80], other[:80], autojunk=False)
    return matcher.real_quick_ratio() > enough and matcher.quick_ratio() > enough and matcher.ratio() > enough


def _body(lines: Page) -> Page:
    lines = [line.strip() for line in lines]
    if sum(bool(_LEADER.search(line)) for line in lines) >= 4:
        return []
    start = _footnotes_start(lines)
    notes = {match for line in lines[start:] if (match := line.split(" ")[0]) and _NOTE_NUMBER.fullmatch(match)}
    kept = []
    for line in lines[:start]:
        if _REDACTED_LINE.fullmatch(line):
            kept.append(REDACTED)
        elif not is_noise(line) and not _LEADER.search(line):
            kept.append(_NOTE_MARK.sub(lambda found: "" if found.group(1) in notes else found.group(), _spaced(line)))
    return kept


def _spaced(line: str) -> str:
    """``line`` without the blanks that OCR puts before commas and inside possessives."""
    return re.sub(r"(?<=\w) (['’]) (?=s\b)", r"\1", re.sub(r"(?<=\w) +(?=[.,;:](?:\s|$))", "", plain(line)))


def _footnotes_start(lines: Sequence[str]) -> int:
    """The first line that is a number alone, with text after it: OCR puts footnote numbers on their own lines."""
    for place in range(2, len(lines) - 1):
        if _NOTE_NUMBER.fullmatch(lines[place]):
            return place
    return len(lines)
