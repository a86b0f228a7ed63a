"""Read a PDF page as lines with position and font size; footnote marks are removed and redactions inserted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rag.ingest.clean import REDACTED
from rag.ingest.omissions import NO_TEXT_LAYER, OCR_EMPTY, Tally
from rag.ingest.pdf.columns import Piece, in_columns
from rag.ingest.pdf.frame import Frame, is_sideways, main_angle
from rag.ingest.pdf.ocr import recognise_page
from rag.ingest.pdf.redactions import insert_run, is_free, is_marked, redaction_boxes
from rag.ingest.pdf.runs import FOOTNOTE_MARK, PageText, Run
from rag.ingest.pdf.shapes import PageShapes, read_shapes, visible_runs
from rag.text import join_cells

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_CELL_END = "\x1f"
_CELL_GAP = 2.0
"""Width of a gap between two cells of a table in font sizes."""


@dataclass(slots=True, kw_only=True)
class Line:
    """One line of a page.

    Lengths are points (1/72 inch). ``y`` is the baseline, from the foot of the page. ``page`` counts from 0. ``mark``
    is the footnote number at the beginning of the line, if there is one; ``refers_to`` has the other marks of
    footnotes in it, which its text lacks. ``cells`` is the number of its parts between wide gaps, and ``row`` the text
    with those parts as cells. ``aside`` says that it interrupts the text and belongs after the paragraph around it: a
    form's value on a line of its own, a note in the margin.
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
    refers_to: tuple[str, ...] = ()
    cells: int = 1
    row: str = ""
    aside: bool = False


@dataclass(slots=True, kw_only=True)
class PageLines:
    """The lines of one page in reading order, and the heights of its horizontal rules."""

    lines: list[Line]
    rules: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PageContent:
    """What a page shows: the runs of its text, those of text beside it that is turned by a quarter, and its shapes."""

    number: int
    frame: Frame
    runs: list[Run | None]
    sideways: list[list[Run | None]]
    sideways_heights: list[float]
    shapes: PageShapes
    by_ocr: bool = False


def page_content(page: Any, number: int, tally: Tally, *, ocr: bool = False) -> PageContent:
    """Read a pypdfium2 page; ``number`` counts from 0. What a reader of the page does not see is counted.

    Args:
        ocr: recognise the words on the picture of a page that has no text.
    """
    box = _page_box(page)
    textpage = page.get_textpage()
    try:
        handle, count = textpage.raw, textpage.count_chars()
        frame = Frame.make(main_angle(handle, count), box)
        text = PageText(handle, count, frame)
        runs = list(text.runs())
        shapes = read_shapes(page, frame)
        sideways, heights = [], []
        for angle, letters in text.others.items():
            if not is_sideways(angle, frame.angle):
                tally.add("slanted text", part=number + 1, detail=_slanted_words(handle, count, angle, box))
            elif letters:
                turned = Frame.make(angle, box)
                sideways.append(list(PageText(handle, count, turned).runs()))
                heights.append(turned.height)
    finally:
        textpage.close()
    for font, letters in text.unknown.items():
        tally.add("unreadable characters", part=number + 1, count=letters, detail=f"font {font}")
    pictures = sum((s.box[2] - s.box[0]) * (s.box[3] - s.box[1]) > 2_500 for s in shapes.images)
    tally.add("images", part=number + 1, count=pictures)
    if not any(run is not None for run in runs):
        found = recognise_page(page) if ocr and shapes.objects else None
        if found is not None and found.runs:
            return PageContent(
                number=number,
                frame=found.frame,
                runs=found.runs,
                sideways=[],
                sideways_heights=[],
                shapes=PageShapes(),
                by_ocr=True,
            )
        what = OCR_EMPTY if found is not None else NO_TEXT_LAYER
        tally.add(what if shapes.objects else "blank pages", part=number + 1)
    return PageContent(
        number=number,
        frame=frame,
        runs=visible_runs(runs, shapes, frame, tally, number + 1),
        sideways=sideways,
        sideways_heights=heights,
        shapes=shapes,
    )


def _page_box(page: Any) -> tuple[float, float, float, float]:
    left, bottom, right, top = page.get_cropbox()
    return float(left), float(bottom), float(right), float(top)


def _slanted_words(handle: Any, count: int, angle: float, box: tuple[float, float, float, float]) -> str:
    runs = PageText(handle, count, Frame.make(angle, box)).runs()
    return " ".join(run.text for run in runs if run is not None)


def page_lines(content: PageContent, fields: Sequence[Run] = ()) -> PageLines:
    """Return the lines of a page; redaction boxes become :data:`REDACTED`.

    Args:
        fields: what is typed into the fields of a form, where it stands.
    """
    boxes = redaction_boxes(content.shapes.shapes)
    rows = _from_the_top(_group_rows(content.runs, boxes), content.frame)
    for box in boxes:
        if is_free(box, rows) and not is_marked(box, rows):
            insert_run(rows, box)
    for value in fields:
        insert_run(rows, value)
    lines = [line for row in rows if (line := _make_line(row, content.number, content.frame.height)) is not None]
    for runs, height in zip(content.sideways, content.sideways_heights, strict=True):
        for row in _from_the_top(_group_rows(runs, ()), None):
            if (line := _make_line(row, content.number, height)) is not None:
                line.aside = True
                lines.append(line)
    return PageLines(lines=lines, rules=content.shapes.rules)


def _from_the_top(rows: list[list[Run]], frame: Frame | None) -> list[list[Run]]:
    """Return the rows of a turned page in reverse where most of them follow a lower one: pdfium reads some upwards."""
    if frame is not None and abs(frame.angle) < 1:
        return rows
    rises = sum(one[0].y < other[0].y for one, other in pairwise(rows))
    return rows[::-1] if rises > (len(rows) - 1) / 2 else rows


def _group_rows(runs: Iterable[Run | None], boxes: Sequence[Run]) -> list[list[Run]]:
    """Group runs into rows. A row that pdfium broke at a gap is joined again: same height, further to the right."""
    pieces: list[Piece] = []
    broken = True
    for run in runs:
        if run is None:
            broken = True
        elif broken or run.gap:
            pieces.append(Piece([run]))
            broken = False
        else:
            pieces[-1].runs.append(run)
    rows: list[list[Run]] = []
    for group in in_columns(pieces, boxes):
        begin = len(rows)
        for piece in group:
            run = piece.runs[0]
            if len(rows) > begin and _continues_row(rows[-1], run):
                if not rows[-1][-1].text.endswith(" "):
                    rows[-1].append(Run(text=" ", x0=run.x0, x1=run.x0, y=run.y, size=run.size))
                rows[-1].extend(piece.runs)
            else:
                rows.append(list(piece.runs))
    return rows


def _continues_row(row: list[Run], run: Run) -> bool:
    longest = max(row, key=lambda other: (len(other.text), other.size))
    level = -0.2 * longest.size < run.y - longest.y < 0.6 * longest.size
    before = run.x0 - row[-1].x1
    # A piece with a gap before it is of the same line for pdfium, however wide the gap is.
    return level and before >= -1 and (before < 20 * longest.size or run.gap > 0)


def _make_line(row: list[Run], page: int, page_height: float) -> Line | None:
    """Join a row of runs to a line without its superscript footnote marks; None if no text is left."""
    weights: Counter[float] = Counter()
    for run in [run for run in row if not FOOTNOTE_MARK.fullmatch(run.text.strip())] or row:
        weights[round(run.size, 1)] += len(run.text.strip())
    size = max(weights, key=lambda key: (weights[key], key))
    main_runs = [run for run in row if round(run.size, 1) == size]
    base = main_runs[0].y
    text = mark = ""
    references: list[str] = []
    gaps = 0
    before: Run | None = None  # the last run with words
    for run in row:
        raised = run.size < 0.86 * size and run.y > base + 0.12 * size
        word = run.text.strip()
        if word:
            if before and run.x0 - before.x1 > _CELL_GAP * size and REDACTED not in before.text + run.text:
                gaps += 1
                text += _CELL_END
            before = run
        if not raised or not word:
            text += run.text
        elif not text.strip():
            mark = word if FOOTNOTE_MARK.fullmatch(word) else mark
            text += "" if mark else run.text
        elif word.isdigit() and len(word) < 3 and re.search(r"\d$|(?<![^\W\d_])(?:k?m|cm|mm)$", text):
            text += run.text.translate(_SUPERSCRIPTS)
        elif FOOTNOTE_MARK.fullmatch(word):
            references.append(word)
            # A footnote mark after a redaction shows that a sentence ended in it.
            text += ("." if text.rstrip().endswith(REDACTED) else "") + " " * run.text.endswith(" ")
        else:
            text += run.text
    cells = text.split(_CELL_END)
    text = re.sub(r"(\[redacted\])\s+\.(?!\w)", r"\1.", re.sub(r" {2,}", " ", text.replace(_CELL_END, ""))).strip()
    if not text and not mark:
        return None
    bold = sum(len(run.text) for run in main_runs if run.bold) > 0.5 * sum(len(run.text) for run in main_runs)
    x0, x1 = min(run.x0 for run in row), max(run.x1 for run in row)
    return Line(
        text=text,
        x0=x0,
        x1=x1,
        y=base,
        size=size,
        bold=bold,
        page=page,
        page_height=page_height,
        mark=mark,
        refers_to=tuple(references),
        cells=gaps + 1,
        # A label and what is typed or ticked beside it are one cell.
        row=join_cells(cells).replace(":; ", ": ").replace("; [x]", " [x]") if gaps else "",
    )
