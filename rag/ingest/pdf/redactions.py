"""Find the black boxes over the text of a PDF page, and its horizontal rules."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

from rag.ingest.clean import REDACTED
from rag.ingest.pdf.runs import FOOTNOTE_MARK, Run, pdfium_api

_MAX_OBJECTS = 20_000


def boxes_and_rules(page: Any) -> tuple[list[Run], list[float]]:
    """Return the redaction boxes of a page, as runs, and the heights of its horizontal rules."""
    raw = pdfium_api()

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    boxes: list[tuple[float, float, float, float]] = []
    images: list[tuple[float, float, float, float]] = []
    rules: list[float] = []
    for index in range(min(raw.FPDFPage_CountObjects(page.raw), _MAX_OBJECTS)):
        item = raw.FPDFPage_GetObject(page.raw, index)
        kind = raw.FPDFPageObj_GetType(item)
        if kind not in {raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_IMAGE}:
            continue
        raw.FPDFPageObj_GetBounds(item, left, bottom, right, top)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            images.append((left.value, bottom.value, right.value, top.value))
            continue
        width, height = right.value - left.value, top.value - bottom.value
        if height < 2.5 and width > 40:
            rules.append(bottom.value)
        if not (6 < height < 30 and width > 1):
            continue
        raw.FPDFPath_GetDrawMode(item, fill, stroke)
        raw.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
        if fill.value and max(red.value, green.value, blue.value) < 50 and alpha.value > 200:
            boxes.append((left.value, (bottom.value + top.value) / 2, right.value, height))
    # A box on a picture hides a part of the picture and no text.
    return _merge_boxes([box for box in boxes if not any(_is_inside(box, image) for image in images)]), rules


def _is_inside(box: tuple[float, float, float, float], image: tuple[float, float, float, float]) -> bool:
    x0, middle, x1, _ = box
    return image[0] - 1 <= x0 and x1 <= image[2] + 1 and image[1] <= middle <= image[3]


def _merge_boxes(boxes: list[tuple[float, float, float, float]]) -> list[Run]:
    """Merge adjacent boxes, because redactions are often drawn word by word, and drop the narrow ones."""
    merged: list[list[float]] = []
    for x0, middle, x1, height in sorted(boxes, key=lambda box: (-round(box[1] / 4), box[0])):
        if merged and abs(merged[-1][1] - middle) < 4 and x0 - merged[-1][2] < 2.5 * height:
            merged[-1][2] = max(merged[-1][2], x1)
            merged[-1][3] = min(merged[-1][3], height)
        else:
            merged.append([x0, middle, x1, height])
    # A box covers the letters from descender to ascender, which is nine tenths of the font size; the baseline is 0.3
    # of its height below its middle.
    return [
        Run(text=REDACTED, x0=x0, x1=x1, y=middle - 0.3 * height, size=1.1 * height)
        for x0, middle, x1, height in merged
        if x1 - x0 > 1.5 * height
    ]


def insert_redaction(rows: list[list[Run]], box: Run) -> None:
    """Insert ``box`` into the row at its height, or as a row of its own between the rows around it."""
    level = [row for row in rows if _is_at_height(row, box)]
    if level:
        row = min(level, key=lambda runs: max(runs[0].x0 - box.x1, box.x0 - runs[-1].x1, 0.0))
        longest = _longest_run(row)
        if not _is_lone_mark(longest, box):
            box.size, box.y = longest.size, longest.y
        row[:] = [piece for run in row for piece in _split_run(run, box.x0)]
        index = next((n for n, run in enumerate(row) if run.x0 > box.x0), len(row))
        row.insert(index, replace(box, text=f" {REDACTED} "))
        return
    below = next((n for n, row in enumerate(rows) if row[0].y < box.y), len(rows))
    rows.insert(below, [box])


def _is_at_height(row: list[Run], box: Run) -> bool:
    longest = _longest_run(row)
    rise = longest.y - box.y
    # A footnote mark is above the baseline of its sentence.
    return 0 < rise < 0.5 * box.size if _is_lone_mark(longest, box) else abs(rise) < 0.45 * box.size


def _longest_run(row: list[Run]) -> Run:
    return max(row, key=lambda run: (len(run.text), run.size))


def _is_lone_mark(longest: Run, box: Run) -> bool:
    """Whether a row, given by its longest run, is only a footnote mark after ``box``."""
    return longest.size < 0.86 * box.size and bool(FOOTNOTE_MARK.fullmatch(longest.text.strip()))


def _split_run(run: Run, x: float) -> list[Run]:
    """Split ``run`` before its first word to the right of ``x``, if there is one."""
    for offset, start in run.words:
        if start > x > run.x0:
            rest = [(at - offset, place) for at, place in run.words if at > offset]
            return [
                replace(run, text=run.text[:offset], x1=x, words=[]),
                replace(run, text=run.text[offset:], x0=start, words=rest),
            ]
    return [run]
