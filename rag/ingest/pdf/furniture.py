"""What a PDF page carries besides its text: running heads and feet, page numbers, footnotes, contents pages."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rag.ingest.clean import REDACTED, is_noise, key
from rag.ingest.pdf.lines import Line, PageLines
from rag.ingest.pdf.runs import MARK

_EDGE = 0.12  # heads and feet stand in the outer eighth of the page
_PAGE_NUMBER = re.compile(
    r"[-–—|\s]*(?:page|seite|p\.)?\s*(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|von)\s*\d{1,4})?[-–—|\s]*", re.IGNORECASE
)
_LEADER = re.compile(r"(?:[\s·]?[.…·]){4,}\s*[\divxlc]{0,5}\s*$")
_CLOSING = re.compile(r"[.,;:?!”\"’')\]]+")


def body_size(pages: Sequence[PageLines]) -> float:
    """The size, in points, in which most of the text is set; 0 where there is none."""
    weights: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            weights[line.size] += len(line.text)
    return weights.most_common(1)[0][0] if weights else 0.0


def strip(pages: Sequence[PageLines]) -> tuple[list[list[Line]], int]:
    """The body lines of each page, and how many footnotes were left out.

    Footnotes are dropped, not moved: they would cut the sentence that runs across the page break,
    and in most reports they hold references rather than statements.
    """
    size = body_size(pages)
    kept = _without_heads(pages, size)
    footnotes = 0
    bodies: list[list[Line]] = []
    for page, lines in zip(pages, kept, strict=True):
        start = _footnotes_start(lines, page.rules, size)
        footnotes += sum(bool(line.mark) for line in lines[start:])
        bodies.append(_readable(_without_contents(lines[:start]), size))
    return bodies, footnotes


def _without_heads(pages: Sequence[PageLines], size: float) -> list[list[Line]]:
    """Lines at the edges go if they repeat from page to page, digits aside, or stand where such lines stand."""
    where: dict[str, set[int]] = defaultdict(set)
    for number, page in enumerate(pages):
        for line in page.lines:
            if edge := _edge(line):
                where[f"{edge} {_masked(line.text)}"].add(number)
    enough = 2 if len(pages) <= 10 else 3
    repeated = {text for text, numbers in where.items() if len(numbers) >= enough}
    bands: Counter[tuple[int, float]] = Counter(
        _band(line)
        for page in pages
        for line in page.lines
        if line.size < 0.95 * size and f"{_edge(line)} {_masked(line.text)}" in repeated
    )
    small = {band for band, count in bands.items() if count >= 0.4 * len(pages) and len(pages) > 1}

    def is_head(line: Line) -> bool:
        edge = _edge(line)
        return bool(edge) and (
            f"{edge} {_masked(line.text)}" in repeated
            or _band(line) in small
            or bool(_PAGE_NUMBER.fullmatch(line.text) and line.text.strip())
        )

    return [[line for line in page.lines if not is_head(line)] for page in pages]


def _edge(line: Line) -> str:
    if line.y > (1 - _EDGE) * line.top:
        return "head"
    return "foot" if line.y < _EDGE * line.top else ""


def _band(line: Line) -> tuple[int, float]:
    return round(line.y / 3), line.size


def _masked(text: str) -> str:
    return re.sub(r"\d+", "#", " ".join(text.lower().split()))


def _footnotes_start(lines: Sequence[Line], rules: Sequence[float], size: float) -> int:
    """Where among ``lines`` the footnotes begin: the small lines at the foot, below a rule or from a mark on."""
    small = len(lines)
    while small and (lines[small - 1].size <= 0.92 * size or not key(lines[small - 1].text.replace(REDACTED, ""))):
        small -= 1  # a line that is all redaction has no size of its own
    for place in range(small, len(lines)):
        before = lines[place - 1].y if place else lines[place].top
        if any(lines[place].y < rule < before for rule in rules):
            return place
    for place in range(small, len(lines)):
        if lines[place].mark:
            return place
    return len(lines)


def _without_contents(lines: list[Line]) -> list[Line]:
    """A page of dot leaders is a table of contents: it says nothing that its headings do not."""
    leaders = sum(bool(_LEADER.search(line.text)) for line in lines)
    if leaders >= 4 and leaders >= 0.3 * len(lines):
        return []
    return [line for line in lines if not _LEADER.search(line.text)]


def _readable(lines: list[Line], size: float) -> list[Line]:
    """``lines`` without scanner's noise and without footnote marks that stand alone behind a redaction."""
    kept: list[Line] = []
    for line in lines:
        after_redaction = bool(kept) and kept[-1].text.endswith(REDACTED)
        if line.size < 0.86 * size and MARK.fullmatch(line.text):
            kept[-1:] = [replace(kept[-1], text=f"{kept[-1].text}.")] if after_redaction else kept[-1:]
        elif after_redaction and _CLOSING.fullmatch(line.text):
            kept[-1] = replace(kept[-1], text=kept[-1].text + line.text)
        elif line.text and not is_noise(line.text):
            kept.append(line)
    return kept
