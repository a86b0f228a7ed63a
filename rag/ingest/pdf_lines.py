"""A PDF page as lines with places and sizes, read through pdfium.

pdfium was chosen over pypdf because it is an order of magnitude faster and says where each character
stands and how large it is, which is what tells a footnote mark from a number and a heading from a sentence.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from rag.ingest.clean import REDACTED

_HYPHENS = {0x02: "-", 0xFFFE: "-", 0xAD: "-", 0x2010: "-", 0x2011: "-"}
MARK = re.compile(r"[\d*†‡§,;\s–-]+|[a-z]")
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


@dataclass(slots=True, kw_only=True)
class _Run:
    """Characters of one size on one baseline. ``words`` is where words begin: offset in the text, and x."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    words: list[tuple[int, float]] = field(default_factory=list)


def page_lines(page: Any, number: int) -> PageLines:
    """The lines of a pypdfium2 page; ``number`` counts from 0. Redaction boxes become :data:`REDACTED`."""
    height = float(page.get_height())
    textpage = page.get_textpage()
    try:
        rows = _rows(_runs(textpage.raw, textpage.count_chars()))
        boxes, rules = _shapes(page)
        for box in boxes:
            # A dark bar with letters on it is the head of a table.
            if not textpage.get_text_bounded(box.x0, box.y + 0.1 * box.size, box.x1, box.y + 0.5 * box.size).strip():
                _insert(rows, box)
    finally:
        textpage.close()
    lines = [line for row in rows if (line := _line(row, number, height)) is not None]
    return PageLines(lines=lines, height=height, rules=rules)


def _runs(handle: Any, count: int) -> Iterator[_Run | None]:
    """The runs of a page in its own order; None where pdfium sees a line end."""
    raw = _pdfium()

    x, y = ctypes.c_double(), ctypes.c_double()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    chars: list[str] = []
    words: list[tuple[int, float]] = []
    first = last = 0
    size = base = 0.0

    def close() -> Iterator[_Run]:
        if "".join(chars).strip():
            raw.FPDFText_GetCharBox(handle, first, left, right, bottom, top)
            x0 = left.value
            raw.FPDFText_GetCharBox(handle, last, left, right, bottom, top)
            bold = _is_bold(raw, handle, first) and _is_bold(raw, handle, last)  # a bold word that opens a line is none
            if abs(raw.FPDFText_GetCharAngle(handle, first)) < 0.1:  # what stands on its side is furniture
                text = "".join(chars)
                yield _Run(text=text, x0=x0, x1=right.value, y=base, size=size, bold=bold, words=words.copy())
        chars.clear()
        words.clear()

    for index in range(count):
        code = raw.FPDFText_GetUnicode(handle, index)
        if code in {10, 13}:
            yield from close()
            yield None
            continue
        if code in {0, 9, 32, 160}:
            if chars and code:
                chars.append(" ")
            continue
        char = _HYPHENS.get(code) or chr(code)
        if chars and char.isalpha() and chars[-1].isalpha():  # inside a word nothing changes: a quarter of the calls
            chars.append(char)
            last = index
            continue
        raw.FPDFText_GetCharOrigin(handle, index, x, y)
        scaled = _scaled(raw, handle, index, raw.FPDFText_GetFontSize(handle, index))
        if chars and (abs(y.value - base) > 0.5 or abs(scaled - size) > 0.3):
            ends = abs(y.value - base) > 0.7 * max(size, scaled)
            yield from close()
            if ends:
                yield None
        if not chars:
            first, size, base = index, scaled, y.value
        elif chars[-1] == " ":
            words.append((len(chars), x.value))
        chars.append(char)
        last = index
    yield from close()


def _pdfium() -> Any:
    """pdfium's C functions, whose names only exist at run time."""
    from pypdfium2 import raw

    return raw


def _scaled(raw: Any, handle: Any, index: int, size: float) -> float:
    """A character's size as it is seen: many writers set size 1 and scale by the matrix."""
    if size > 2:
        return float(size)
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(handle, index, matrix)
    return float(size * abs(matrix.d or matrix.b or 1.0))


def _is_bold(raw: Any, handle: Any, index: int) -> bool:
    if raw.FPDFText_GetFontWeight(handle, index) >= 600:
        return True
    buffer = ctypes.create_string_buffer(128)
    length = raw.FPDFText_GetFontInfo(handle, index, buffer, 128, ctypes.c_int())
    name = buffer.raw[: max(0, min(length, 128) - 1)].decode("utf-8", "replace")
    return bool(re.search(r"bold|black|heavy|semib|cmbx|[a-z]bx\d|-?bd\b|lmroman\d+-bold", name, re.IGNORECASE))


def _rows(runs: Iterable[_Run | None]) -> list[list[_Run]]:
    """Runs that share a line. A line that pdfium broke at a gap is mended: same height, further right."""
    rows: list[list[_Run]] = [[]]
    for run in runs:
        if run is None:
            if rows[-1]:
                rows.append([])
        elif rows[-1] or len(rows) == 1 or not _goes_on(rows[-2], run):
            rows[-1].append(run)
        else:
            rows.pop()
            rows[-1].append(_Run(text=" ", x0=run.x0, x1=run.x0, y=run.y, size=run.size))
            rows[-1].append(run)
    return [row for row in rows if row]


def _goes_on(row: list[_Run], run: _Run) -> bool:
    last = max(row, key=lambda other: (len(other.text), other.size))
    level = -0.2 * last.size < run.y - last.y < 0.6 * last.size
    return level and run.x0 >= row[-1].x1 - 1 and run.x0 - row[-1].x1 < 20 * last.size


def _shapes(page: Any) -> tuple[list[_Run], list[float]]:
    """The redaction boxes of a page, as runs, and the heights of its horizontal rules."""
    raw = _pdfium()

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    boxes: list[tuple[float, float, float, float]] = []
    rules: list[float] = []
    for index in range(min(raw.FPDFPage_CountObjects(page.raw), 20_000)):
        item = raw.FPDFPage_GetObject(page.raw, index)
        if raw.FPDFPageObj_GetType(item) != raw.FPDF_PAGEOBJ_PATH:
            continue
        raw.FPDFPageObj_GetBounds(item, left, bottom, right, top)
        width, height = right.value - left.value, top.value - bottom.value
        if height < 2.5 and width > 40:
            rules.append(bottom.value)
        if not (6 < height < 30 and width > 1):
            continue
        raw.FPDFPath_GetDrawMode(item, fill, stroke)
        raw.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
        if fill.value and max(red.value, green.value, blue.value) < 50 and alpha.value > 200:
            boxes.append((left.value, (bottom.value + top.value) / 2, right.value, height))
    return _merged(boxes), rules


def _merged(boxes: list[tuple[float, float, float, float]]) -> list[_Run]:
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
        _Run(text=REDACTED, x0=x0, x1=x1, y=middle - 0.3 * height, size=1.1 * height)
        for x0, middle, x1, height in merged
        if x1 - x0 > 1.5 * height
    ]


def _insert(rows: list[list[_Run]], box: _Run) -> None:
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


def _at_height(row: list[_Run], box: _Run) -> bool:
    rise = _body(row).y - box.y
    # A mark stands above the baseline of what it belongs to.
    return 0 < rise < 0.5 * box.size if _is_lone_mark(_body(row), box) else abs(rise) < 0.45 * box.size


def _body(row: list[_Run]) -> _Run:
    return max(row, key=lambda run: (len(run.text), run.size))


def _is_lone_mark(body: _Run, box: _Run) -> bool:
    return body.size < 0.86 * box.size and bool(MARK.fullmatch(body.text.strip()))


def _split(run: _Run, x: float) -> list[_Run]:
    """``run`` in two at its first word right of ``x``, or whole."""
    for offset, start in run.words:
        if start > x > run.x0:
            rest = [(at - offset, place) for at, place in run.words if at > offset]
            return [
                replace(run, text=run.text[:offset], x1=x, words=[]),
                replace(run, text=run.text[offset:], x0=start, words=rest),
            ]
    return [run]


def _line(row: list[_Run], page: int, top: float) -> Line | None:
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
