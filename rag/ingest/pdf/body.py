"""Reduce the pages of a PDF to their body: no running heads, footnotes, tables of contents and scanner noise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rag.ingest.clean import REDACTED, is_noise
from rag.ingest.omissions import Tally
from rag.ingest.pdf.contents import has_leader, shorten_leader, without_contents
from rag.ingest.pdf.footnotes import Footnotes
from rag.ingest.pdf.line_numbers import without_line_numbers
from rag.ingest.pdf.lines import Line, PageLines
from rag.ingest.pdf.running_heads import without_running_heads
from rag.ingest.pdf.runs import FOOTNOTE_MARK

_CLOSING_PUNCTUATION = re.compile(r"[.,;:?!”\"’')\]]+")


def body_size(pages: Sequence[PageLines]) -> float:
    """Return the font size, in points, of most of the text; 0 if there is no text."""
    weights: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            weights[line.size] += len(line.text)
    return weights.most_common(1)[0][0] if weights else 0.0


def body_lines(pages: Sequence[PageLines], tally: Tally, title: str = "") -> tuple[list[list[Line]], int]:
    """Return the body lines of each page, and the number of footnotes removed; ``tally`` counts what is removed.

    Footnotes are removed, not moved: they would interrupt a sentence that runs across the page break, and in most
    reports they contain references and no statements.
    """
    size = body_size(pages)
    pages = [replace(page, lines=without_line_numbers(page.lines, tally)) for page in pages]
    finder = Footnotes(size)
    footnotes = 0
    bodies: list[list[Line]] = []
    for number, (page, lines) in enumerate(
        zip(pages, without_running_heads(pages, size, tally, title), strict=True), 1
    ):
        ranges = finder.of_page(lines, page.rules)
        of_page = sum(bool(lines[index].mark) for indices in ranges for index in indices)
        tally.add("footnotes", part=number, count=max(of_page, len(ranges)))
        footnotes += of_page
        bodies.append([line for index, line in enumerate(lines) if not any(index in indices for indices in ranges)])
    return [_without_noise(lines, size) for lines in without_contents(bodies, tally)], footnotes


def _without_noise(lines: list[Line], size: float) -> list[Line]:
    """Drop scanner noise, and footnote marks on lines of their own; append punctuation to the redaction before it."""
    kept: list[Line] = []
    for given in lines:
        line = replace(given, text=shorten_leader(given.text), cells=2, row="") if has_leader(given.text) else given
        after_redaction = bool(kept) and kept[-1].text.endswith(REDACTED)
        if line.size < 0.86 * size and FOOTNOTE_MARK.fullmatch(line.text):
            kept[-1:] = [replace(kept[-1], text=f"{kept[-1].text}.")] if after_redaction else kept[-1:]
        elif after_redaction and _CLOSING_PUNCTUATION.fullmatch(line.text):
            kept[-1] = replace(kept[-1], text=kept[-1].text + line.text)
        elif line.text and not is_noise(line.text):
            kept.append(line)
    return kept
