"""Remove running heads and feet and page numbers from the pages of a PDF."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from rag.ingest.clean import match_key
from rag.ingest.omissions import Tally
from rag.ingest.pdf.lines import Line, PageLines

_EDGE = 0.12  # the share of the page's height, at the head and at the foot, where running lines are looked for
_LEAST_PAGES = 3
_SAME_PLACE = 4.0
"""Points by which the same running line may be higher or lower on another page."""

_PAGE_NUMBER = re.compile(
    r"[-–—|\s]*(?:page|seite|p\.)?\s*(\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|von)\s*\d{1,4})?[-–—|\s]*", re.IGNORECASE
)
_NUMBER_AT_END = re.compile(
    r"^\s*(\d{1,4})(?=\s)|(?<=\s)(\d{1,4})\s*$|(?<=page )(\d{1,4})\b|(?<=page: )(\d{1,4})\b"
    r"|(?<=\s)(\d{1,4})(?=\s*(?:/|of|von)\s*\d{1,4}\s*$)",
    re.IGNORECASE,
)
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


def without_running_heads(pages: Sequence[PageLines], size: float, tally: Tally, title: str = "") -> list[list[Line]]:
    """Return the lines of each page without running heads and feet and page numbers.

    A line near the edge of the page is removed if the same words stand at the same place of at least three pages; a
    number at its beginning or end may count the pages. A line that is only a number is removed if it is that of its
    page, or counts on from that of another page. Another number, and a small line at the height of running lines that
    is none, such as the name of a chapter, becomes an aside.

    Args:
        size: the font size of the body in points.
        title: that of the file's properties; a small line with these words is a running head on any number of pages.
    """
    named = match_key(title)
    places: dict[str, list[tuple[int, float]]] = defaultdict(list)
    offsets: dict[tuple[str, int], set[int]] = defaultdict(set)
    for number, page in enumerate(pages):
        for line in page.lines:
            if edge := _edge(line):
                if (value := _page_number(line.text)) is not None:
                    offsets[edge, value - number].add(number)
                for key in _keys(edge, line.text, number):
                    places[key].append((number, line.y if edge == "foot" else line.page_height - line.y))
    running = {key for key, found in places.items() if len({number for number, _ in found}) >= _LEAST_PAGES}

    def is_running(line: Line) -> bool:
        edge = _edge(line)
        if not edge:
            return False
        if named and line.size < 0.95 * size and match_key(line.text) == named:
            return True
        y = line.y if edge == "foot" else line.page_height - line.y
        return any(
            len({number for number, other in places[key] if abs(other - y) <= _SAME_PLACE}) >= _LEAST_PAGES
            for key in _keys(edge, line.text, line.page)
            if key in running
        )

    bands: Counter[tuple[int, float]] = Counter()
    kept: list[list[Line]] = []
    for number, page in enumerate(pages):
        lines = []
        for line in page.lines:
            if is_running(line):
                bands[_band(line)] += line.size < 0.95 * size
                tally.add("running heads", part=number + 1, detail=line.text)
                continue
            if (value := _page_number(line.text)) is not None and (edge := _edge(line)):
                if value == number + 1 or len(offsets[edge, value - number]) > 1:
                    bands[_band(line)] += line.size < 0.95 * size
                    tally.add("page numbers", part=number + 1)
                    continue
                line.aside = True
            lines.append(line)
        kept.append(lines)
    small = {band for band, count in bands.items() if count >= _LEAST_PAGES}
    for lines in kept:
        for line in lines:
            line.aside = line.aside or (bool(_edge(line)) and line.size < 0.95 * size and _band(line) in small)
    return kept


def _edge(line: Line) -> str:
    """Return "head", "foot", or "" for a line that is at neither edge of its page."""
    if line.y > (1 - _EDGE) * line.page_height:
        return "head"
    return "foot" if line.y < _EDGE * line.page_height else ""


def _band(line: Line) -> tuple[int, float]:
    """Return the line's height in steps of 3 points, and its font size."""
    return round(line.y / 3), line.size


def _keys(edge: str, text: str, page: int) -> list[str]:
    """Return the words of a line, also with a number at one end that counts the pages as its distance from theirs.

    Punctuation does not count: a head is mistyped on one page of many.
    """
    words = " ".join(text.lower().split())
    bare = " ".join(re.findall(r"\w+", words))
    keys = [f"{edge} {bare or words}"]
    for found in _NUMBER_AT_END.finditer(words):
        number = next(group for group in found.groups() if group)
        start = found.start(next(n for n, group in enumerate(found.groups(), 1) if group))
        rest = f"{words[:start]}#{int(number) - page}#{words[start + len(number) :]}"
        if any(char.isalpha() for char in words):
            keys.append(f"{edge} {rest}")
    return keys


def _page_number(text: str) -> int | None:
    """Return the number of a line that is only a number, as that of a page is; else None."""
    found = _PAGE_NUMBER.fullmatch(text.strip())
    return _value(found.group(1).lower()) if found else None


def _value(number: str) -> int:
    """Return the value of an Arabic or a small Roman number."""
    if number.isdecimal():
        return int(number)
    values = [_ROMAN[char] for char in number]
    return sum(-one if one < other else one for one, other in zip(values, [*values[1:], 0], strict=True))
