"""Find the black boxes of a PDF page that hide text, and insert a mark for each into its rows, and form values too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.ingest.clean import REDACTED
from rag.ingest.pdf.frame import Box
from rag.ingest.pdf.runs import FOOTNOTE_MARK, Run
from rag.ingest.pdf.shapes import Shape


def redaction_boxes(shapes: Sequence[Shape]) -> list[Run]:
    """Return the black boxes among ``shapes`` that are as high as a line of text, as runs."""
    images = [shape.box for shape in shapes if shape.color is None]
    boxes = [
        (shape.box[0], (shape.box[1] + shape.box[3]) / 2, shape.box[2], shape.box[3] - shape.box[1])
        for shape in shapes
        if shape.dark and 6 < shape.box[3] - shape.box[1] < 30
    ]
    # A box on a picture hides a part of the picture and no text.
    return _merge_boxes([box for box in boxes if not any(_is_inside(box, image) for image in images)])


def is_free(box: Run, rows: Sequence[Sequence[Run]]) -> bool:
    """Whether no text stands on the box: a dark box with light text on it is the head of a table."""
    return not any(
        box.y - 0.2 * box.size < run.y < box.y + 0.5 * box.size
        and run.x1 > box.x0 + 1
        and run.x0 < box.x1 - 1
        and REDACTED not in run.text
        and _covers_letters(run, box)
        for row in rows
        for run in row
    )


def _covers_letters(run: Run, box: Run) -> bool:
    """Whether a word of ``run`` has its middle in ``box``."""
    starts = [run.x0, *(x for _, x in run.words)]
    ends = [*(x - 0.25 * run.size for _, x in run.words), run.x1]
    return any(box.x0 < (x0 + x1) / 2 < box.x1 for x0, x1 in zip(starts, ends, strict=True))


def is_marked(box: Run, rows: Sequence[Sequence[Run]]) -> bool:
    """Whether text under the box is replaced by a mark already."""
    return any(
        REDACTED in run.text
        and run.x0 < box.x1
        and run.x1 > box.x0
        and abs(run.y - box.y) < 0.6 * max(run.size, box.size)
        for row in rows
        for run in row
    )


def _is_inside(box: Box, image: Box) -> bool:
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


def insert_run(rows: list[list[Run]], box: Run) -> None:
    """Insert ``box`` into the row at its height, or as a row of its own between the rows around it."""
    level = [row for row in rows if _is_at_height(row, box)]
    if level:
        row = min(level, key=lambda runs: max(runs[0].x0 - box.x1, box.x0 - runs[-1].x1, 0.0))
        longest = _longest_run(row)
        if not _is_lone_mark(longest, box):
            box.size, box.y = longest.size, longest.y
        row[:] = [piece for run in row for piece in _split_run(run, box.x0)]
        index = next((n for n, run in enumerate(row) if run.x0 > box.x0), len(row))
        row.insert(index, replace(box, text=f" {box.text.strip()} "))
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
