"""Remove running heads and feet and page numbers from the pages of a PDF."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from rag.ingest.pdf.lines import Line, PageLines

_EDGE = 0.12  # the share of the page's height, at the head and at the foot, where running lines are looked for
_PAGE_NUMBER = re.compile(
    r"[-–—|\s]*(?:page|seite|p\.)?\s*(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|von)\s*\d{1,4})?[-–—|\s]*", re.IGNORECASE
)


def without_running_heads(pages: Sequence[PageLines], size: float) -> list[list[Line]]:
    """Return the lines of each page without running heads and feet and page numbers.

    A line near the edge of the page is removed if it repeats on other pages, numbers aside, if it is a page number, or
    if it is set as small and as high as repeated lines on 40 % of the pages.

    Args:
        size: the font size of the body in points.
    """
    pages_of: dict[str, set[int]] = defaultdict(set)
    for number, page in enumerate(pages):
        for line in page.lines:
            if edge := _edge(line):
                pages_of[f"{edge} {_mask_numbers(line.text)}"].add(number)
    min_pages = 2 if len(pages) <= 10 else 3
    repeated = {text for text, numbers in pages_of.items() if len(numbers) >= min_pages}
    bands: Counter[tuple[int, float]] = Counter(
        _band(line)
        for page in pages
        for line in page.lines
        if line.size < 0.95 * size and f"{_edge(line)} {_mask_numbers(line.text)}" in repeated
    )
    small_bands = {band for band, count in bands.items() if count >= 0.4 * len(pages) and len(pages) > 1}

    def is_running(line: Line) -> bool:
        edge = _edge(line)
        return bool(edge) and (
            f"{edge} {_mask_numbers(line.text)}" in repeated
            or _band(line) in small_bands
            or bool(_PAGE_NUMBER.fullmatch(line.text) and line.text.strip())
        )

    return [[line for line in page.lines if not is_running(line)] for page in pages]


def _edge(line: Line) -> str:
    """Return "head", "foot", or "" for a line that is at neither edge of its page."""
    if line.y > (1 - _EDGE) * line.page_height:
        return "head"
    return "foot" if line.y < _EDGE * line.page_height else ""


def _band(line: Line) -> tuple[int, float]:
    """Return the line's height in steps of 3 points, and its font size."""
    return round(line.y / 3), line.size


def _mask_numbers(text: str) -> str:
    return re.sub(r"\d+", "#", " ".join(text.lower().split()))
