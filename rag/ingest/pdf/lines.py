"""Read a PDF page as lines with position and font size; footnote marks are removed and redactions inserted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rag.ingest.clean import REDACTED
from rag.ingest.pdf.redactions import boxes_and_rules, insert_redaction
from rag.ingest.pdf.runs import FOOTNOTE_MARK, Run, text_runs

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(slots=True, kw_only=True)
class Line:
    """One line of a page.

    Lengths are points (1/72 inch). ``y`` is the baseline, from the foot of the page. ``page`` counts from 0. ``mark``
    is the footnote number at the beginning of the line, if there is one.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    page: int
    page_height: float
    mark: str = ""


@dataclass(slots=True, kw_only=True)
class PageLines:
    """The lines of one page in reading order, and the heights of its horizontal rules."""

    lines: list[Line]
    rules: list[float] = field(default_factory=list)


def page_lines(page: Any, number: int) -> PageLines:
    """Return the lines of a pypdfium2 page; redaction boxes become :data:`REDACTED`. ``number`` counts from 0."""
    height = float(page.get_height())
    textpage = page.get_textpage()
    try:
        rows = _group_rows(text_runs(textpage.raw, textpage.count_chars()))
        boxes, rules = boxes_and_rules(page)
        for box in boxes:
            # A dark box with text on it is the head of a table.
            if not textpage.get_text_bounded(box.x0, box.y + 0.1 * box.size, box.x1, box.y + 0.5 * box.size).strip():
                insert_redaction(rows, box)
    finally:
        textpage.close()
    lines = [line for row in rows if (line := _make_line(row, number, height)) is not None]
    return PageLines(lines=lines, rules=rules)


def _group_rows(runs: Iterable[Run | None]) -> list[list[Run]]:
    """Group runs into rows. A row that pdfium broke at a gap is joined again: same height, further to the right."""
    rows: list[list[Run]] = [[]]
    for run in runs:
        if run is None:
            if rows[-1]:
                rows.append([])
        elif rows[-1] or len(rows) == 1 or not _continues_row(rows[-2], run):
            rows[-1].append(run)
        else:
            rows.pop()
            rows[-1].append(Run(text=" ", x0=run.x0, x1=run.x0, y=run.y, size=run.size))
            rows[-1].append(run)
    return [row for row in rows if row]


def _continues_row(row: list[Run], run: Run) -> bool:
    longest = max(row, key=lambda other: (len(other.text), other.size))
    level = -0.2 * longest.size < run.y - longest.y < 0.6 * longest.size
    return level and run.x0 >= row[-1].x1 - 1 and run.x0 - row[-1].x1 < 20 * longest.size


def _make_line(row: list[Run], page: int, page_height: float) -> Line | None:
    """Join a row of runs to a line without its superscript footnote marks; None if no text is left."""
    weights: Counter[float] = Counter()
    for run in [run for run in row if not FOOTNOTE_MARK.fullmatch(run.text.strip())] or row:
        weights[round(run.size, 1)] += len(run.text.strip())
    size = max(weights, key=lambda key: (weights[key], key))
    main_runs = [run for run in row if round(run.size, 1) == size]
    base = main_runs[0].y
    text = mark = ""
    for run in row:
        raised = run.size < 0.86 * size and run.y > base + 0.12 * size
        word = run.text.strip()
        if not raised or not word:
            text += run.text
        elif not text.strip():
            mark = word if FOOTNOTE_MARK.fullmatch(word) else mark
            text += "" if mark else run.text
        elif word.isdigit() and len(word) < 3 and re.search(r"\d$|(?<![^\W\d_])(?:k?m|cm|mm)$", text):
            text += run.text.translate(_SUPERSCRIPTS)
        elif FOOTNOTE_MARK.fullmatch(word):
            # A footnote mark after a redaction shows that a sentence ended in it.
            text += ("." if text.rstrip().endswith(REDACTED) else "") + " " * run.text.endswith(" ")
        else:
            text += run.text
    text = re.sub(r"(\[redacted\])\s+\.(?!\w)", r"\1.", re.sub(r" {2,}", " ", text)).strip()
    if not text and not mark:
        return None
    bold = sum(len(run.text) for run in main_runs if run.bold) > 0.5 * sum(len(run.text) for run in main_runs)
    x0, x1 = min(run.x0 for run in row), max(run.x1 for run in row)
    return Line(text=text, x0=x0, x1=x1, y=base, size=size, bold=bold, page=page, page_height=page_height, mark=mark)
