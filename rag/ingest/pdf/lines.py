"""A PDF page as lines with places and sizes, footnote marks taken out, redaction boxes put in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rag.ingest.clean import REDACTED
from rag.ingest.pdf.redactions import insert, shapes
from rag.ingest.pdf.runs import MARK, Run, runs

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(slots=True, kw_only=True)
class Line:
    """One line of a page. Lengths are points (1/72 inch), ``y`` is the baseline counted from the foot.

    ``mark`` is the footnote number that the line begins with, if it does; ``top`` the height of the page.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    page: int
    top: float
    mark: str = ""


@dataclass(slots=True, kw_only=True)
class PageLines:
    """The lines of one page in reading order, its height, and the heights of its horizontal rules."""

    lines: list[Line]
    height: float
    rules: list[float] = field(default_factory=list)


def page_lines(page: Any, number: int) -> PageLines:
    """The lines of a pypdfium2 page; ``number`` counts from 0. Redaction boxes become :data:`REDACTED`."""
    height = float(page.get_height())
    textpage = page.get_textpage()
    try:
        rows = _rows(runs(textpage.raw, textpage.count_chars()))
        boxes, rules = shapes(page)
        for box in boxes:
            # A dark bar with letters on it is the head of a table.
            if not textpage.get_text_bounded(box.x0, box.y + 0.1 * box.size, box.x1, box.y + 0.5 * box.size).strip():
                insert(rows, box)
    finally:
        textpage.close()
    lines = [line for row in rows if (line := _line(row, number, height)) is not None]
    return PageLines(lines=lines, height=height, rules=rules)


def _rows(found: Iterable[Run | None]) -> list[list[Run]]:
    """Runs that share a line. A line that pdfium broke at a gap is mended: same height, further right."""
    rows: list[list[Run]] = [[]]
    for run in found:
        if run is None:
            if rows[-1]:
                rows.append([])
        elif rows[-1] or len(rows) == 1 or not _goes_on(rows[-2], run):
            rows[-1].append(run)
        else:
            rows.pop()
            rows[-1].append(Run(text=" ", x0=run.x0, x1=run.x0, y=run.y, size=run.size))
            rows[-1].append(run)
    return [row for row in rows if row]


def _goes_on(row: list[Run], run: Run) -> bool:
    last = max(row, key=lambda other: (len(other.text), other.size))
    level = -0.2 * last.size < run.y - last.y < 0.6 * last.size
    return level and run.x0 >= row[-1].x1 - 1 and run.x0 - row[-1].x1 < 20 * last.size


def _line(row: list[Run], page: int, top: float) -> Line | None:
    """A row of runs as a line, its superscript footnote marks taken out."""
    weights: Counter[float] = Counter()
    for run in [run for run in row if not MARK.fullmatch(run.text.strip())] or row:
        weights[round(run.size, 1)] += len(run.text.strip())
    size = max(weights, key=lambda key: (weights[key], key))
    level = [run for run in row if round(run.size, 1) == size]
    base = level[0].y
    text = mark = ""
    for run in row:
        raised = run.size < 0.86 * size and run.y > base + 0.12 * size
        word = run.text.strip()
        if not raised or not word:
            text += run.text
        elif not text.strip():
            mark = word if MARK.fullmatch(word) else mark
            text += "" if mark else run.text
        elif word.isdigit() and len(word) < 3 and re.search(r"\d$|(?<![^\W\d_])(?:k?m|cm|mm)$", text):
            text += run.text.translate(_SUPERSCRIPTS)
        elif MARK.fullmatch(word):
            # A mark behind a redaction says that a sentence ended inside it.
            text += ("." if text.rstrip().endswith(REDACTED) else "") + " " * run.text.endswith(" ")
        else:
            text += run.text
    text = re.sub(r"(\[redacted\])\s+\.(?!\w)", r"\1.", re.sub(r" {2,}", " ", text)).strip()
    if not text and not mark:
        return None
    bold = sum(len(run.text) for run in level if run.bold) > 0.5 * sum(len(run.text) for run in level)
    x0, x1 = min(run.x0 for run in row), max(run.x1 for run in row)
    return Line(text=text, x0=x0, x1=x1, y=base, size=size, bold=bold, page=page, top=top, mark=mark)
