"""Black boxes over the text of a PDF page, and its horizontal rules."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

from rag.ingest.clean import REDACTED
from rag.ingest.pdf.runs import MARK, Run, pdfium


def shapes(page: Any) -> tuple[list[Run], list[float]]:
    """The redaction boxes of a page, as runs, and the heights of its horizontal rules."""
    raw = pdfium()

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    boxes: list[tuple[float, float, float, float]] = []
    images: list[tuple[float, float, float, float]] = []
    rules: list[float] = []
    for index in range(min(raw.FPDFPage_CountObjects(page.raw), 20_000)):
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
    # A box on a picture hides part of the picture, not of the text.
    return _merged([box for box in boxes if not any(_inside(box, image) for image in images)]), rules


def _inside(box: tuple[float, float, float, float], image: tuple[float, float, float, float]) -> bool:
    x0, middle, x1, _ = box
    return image[0] - 1 <= x0 and x1 <= image[2] + 1 and image[1] <= middle <= image[3]


def _merged(boxes: list[tuple[float, float, float, float]]) -> list[Run]:
    """Boxes side by side (a redaction is often drawn word by word) as one run; slivers are no redaction."""
    merged: list[list[float]] = []
    for x0, middle, x1, height in sorted(boxes, key=lambda box: (-round(box[1] / 4), box[0])):
        if merged and abs(merged[-1][1] - middle) < 4 and x0 - merged[-1][2] < 2.5 * height:
            merged[-1][2] = max(merged[-1][2], x1)
            merged[-1][3] = min(merged[-1][3], height)
        else:
            merged.append([x0, middle, x1, height])
    # A box covers the letters from foot to crown: nine tenths of the size, the baseline 0.3 below its middle.
    return [
        Run(text=REDACTED, x0=x0, x1=x1, y=middle - 0.3 * height, size=1.1 * height)
        for x0, middle, x1, height in merged
        if x1 - x0 > 1.5 * height
    ]


def insert(rows: list[list[Run]], box: Run) -> None:
    """Put a redaction where it stands: into the line at its height, or between the lines around it."""
    level = [row for row in rows if _at_height(row, box)]
    if level:
        row = min(level, key=lambda runs: max(runs[0].x0 - box.x1, box.x0 - runs[-1].x1, 0.0))
        body = _body(row)
        if not _is_lone_mark(body, box):
            box.size, box.y = body.size, body.y
        row[:] = [piece for run in row for piece in _split(run, box.x0)]
        place = next((n for n, run in enumerate(row) if run.x0 > box.x0), len(row))
        row.insert(place, replace(box, text=f" {REDACTED} "))
        return
    below = next((n for n, row in enumerate(rows) if row[0].y < box.y), len(rows))
    rows.insert(below, [box])


def _at_height(row: list[Run], box: Run) -> bool:
    rise = _body(row).y - box.y
    # A mark stands above the baseline of what it belongs to.
    return 0 < rise < 0.5 * box.size if _is_lone_mark(_body(row), box) else abs(rise) < 0.45 * box.size


def _body(row: list[Run]) -> Run:
    return max(row, key=lambda run: (len(run.text), run.size))


def _is_lone_mark(body: Run, box: Run) -> bool:
    return body.size < 0.86 * box.size and bool(MARK.fullmatch(body.text.strip()))


def _split(run: Run, x: float) -> list[Run]:
    """``run`` in two at its first word right of ``x``, or whole."""
    for offset, start in run.words:
        if start > x > run.x0:
            rest = [(at - offset, place) for at, place in run.words if at > offset]
            return [
                replace(run, text=run.text[:offset], x1=x, words=[]),
                replace(run, text=run.text[offset:], x0=start, words=rest),
            ]
    return [run]
