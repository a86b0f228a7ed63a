"""Reduce the pages of a PDF to their body: no running heads, footnotes, tables of contents and scanner noise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rag.ingest.clean import REDACTED, is_noise, match_key
from rag.ingest.pdf.lines import Line, PageLines
from rag.ingest.pdf.running_heads import without_running_heads
from rag.ingest.pdf.runs import FOOTNOTE_MARK

_DOT_LEADER = re.compile(r"(?:[\s·]?[.…·]){4,}\s*[\divxlc]{0,5}\s*$")
_CLOSING_PUNCTUATION = re.compile(r"[.,;:?!”\"’')\]]+")


def body_size(pages: Sequence[PageLines]) -> float:
    """Return the font size, in points, of most of the text; 0 if there is no text."""
    weights: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            weights[line.size] += len(line.text)
    return weights.most_common(1)[0][0] if weights else 0.0


def body_lines(pages: Sequence[PageLines]) -> tuple[list[list[Line]], int]:
    """Return the body lines of each page, and the number of footnotes removed.

    Footnotes are removed, not moved: they would interrupt a sentence that runs across the page break, and in most
    reports they contain references and no statements.
    """
    size = body_size(pages)
    footnotes = 0
    bodies: list[list[Line]] = []
    for page, lines in zip(pages, without_running_heads(pages, size), strict=True):
        start = _footnotes_start(lines, page.rules, size)
        footnotes += sum(bool(line.mark) for line in lines[start:])
        bodies.append(_without_noise(_without_contents(lines[:start]), size))
    return bodies, footnotes


def _footnotes_start(lines: Sequence[Line], rules: Sequence[float], size: float) -> int:
    """Return the index of the first footnote line.

    Footnotes are the small lines at the foot of the page, from a horizontal rule or else from a footnote mark on.
    """
    small = len(lines)
    # Lines that are redacted entirely count as small, because their size is only that of the box.
    while small and (
        lines[small - 1].size <= 0.92 * size or not match_key(lines[small - 1].text.replace(REDACTED, ""))
    ):
        small -= 1
    for index in range(small, len(lines)):
        above = lines[index - 1].y if index else lines[index].page_height
        if any(lines[index].y < rule < above for rule in rules):
            return index
    for index in range(small, len(lines)):
        if lines[index].mark:
            return index
    return len(lines)


def _without_contents(lines: list[Line]) -> list[Line]:
    """Drop a page of dot leaders, which is a table of contents, and single lines with a leader on other pages."""
    leaders = sum(bool(_DOT_LEADER.search(line.text)) for line in lines)
    if leaders >= 4 and leaders >= 0.3 * len(lines):
        return []
    return [line for line in lines if not _DOT_LEADER.search(line.text)]


def _without_noise(lines: list[Line], size: float) -> list[Line]:
    """Drop scanner noise, and footnote marks on lines of their own; append punctuation to the redaction before it."""
    kept: list[Line] = []
    for line in lines:
        after_redaction = bool(kept) and kept[-1].text.endswith(REDACTED)
        if line.size < 0.86 * size and FOOTNOTE_MARK.fullmatch(line.text):
            kept[-1:] = [replace(kept[-1], text=f"{kept[-1].text}.")] if after_redaction else kept[-1:]
        elif after_redaction and _CLOSING_PUNCTUATION.fullmatch(line.text):
            kept[-1] = replace(kept[-1], text=kept[-1].text + line.text)
        elif line.text and not is_noise(line.text):
            kept.append(line)
    return kept
