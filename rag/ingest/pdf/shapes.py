"""The painted shapes and pictures of a PDF page, and which of its text they hide."""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag.ingest.clean import REDACTED
from rag.ingest.omissions import Tally
from rag.ingest.pdf.api import pdfium_api
from rag.ingest.pdf.frame import Box, Frame
from rag.ingest.pdf.runs import Run

_MAX_OBJECTS = 20_000
_DARK = 50
_OPAQUE = 200
_LEAST_CONTRAST = 24
"""Difference of the colours of text and ground, in the channel where it is largest, below which nobody reads it."""

_BAND = 20.0
_LEAST_SIZE = 2.0
"""Font size in points below which nobody reads text."""

_WHITE = (255, 255, 255)

HIDDEN = "hidden text"
COVERED = "text under black boxes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A filled rectangle or, if ``color`` is None, a picture. ``order`` is its place among the objects of the page."""

    box: Box
    order: int
    color: tuple[int, int, int] | None = None
    opaque: bool = True

    @property
    def dark(self) -> bool:
        """Whether it is black, or nearly so."""
        return self.color is not None and self.opaque and max(self.color) < _DARK

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is in it."""
        return self.box[0] <= x <= self.box[2] and self.box[1] <= y <= self.box[3]


@dataclass(slots=True, kw_only=True)
class PageShapes:
    """The filled rectangles and pictures of a page, the heights of its horizontal rules, and its number of objects."""

    shapes: list[Shape] = field(default_factory=list)
    rules: list[float] = field(default_factory=list)
    objects: int = 0
    order: dict[int, int] = field(default_factory=dict)
    """Place of each text object by its address; empty if there is nothing that could hide text."""

    @property
    def images(self) -> list[Shape]:
        """The pictures."""
        return [shape for shape in self.shapes if shape.color is None]


def read_shapes(page: Any, frame: Frame) -> PageShapes:
    """Return the shapes of a pypdfium2 page in the coordinates of ``frame``."""
    raw = pdfium_api()

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    found = PageShapes(objects=min(raw.FPDFPage_CountObjects(page.raw), _MAX_OBJECTS))
    for index in range(found.objects):
        item = raw.FPDFPage_GetObject(page.raw, index)
        kind = raw.FPDFPageObj_GetType(item)
        if kind not in {raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_IMAGE}:
            continue
        raw.FPDFPageObj_GetBounds(item, left, bottom, right, top)
        box = frame.box((left.value, bottom.value, right.value, top.value))
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            found.shapes.append(Shape(box=box, order=index))
            continue
        width, height = box[2] - box[0], box[3] - box[1]
        if height < 2.5 and width > 40:
            found.rules.append(box[1])
        if height < 5 or width < 1 or raw.FPDFPath_CountSegments(item) > 6:  # no rectangle
            continue
        raw.FPDFPath_GetDrawMode(item, fill, stroke)
        if fill.value and raw.FPDFPageObj_GetFillColor(item, red, green, blue, alpha):
            opaque = alpha.value > _OPAQUE and not raw.FPDFPageObj_HasTransparency(item)
            color = (red.value, green.value, blue.value)
            found.shapes.append(Shape(box=box, order=index, color=color, opaque=opaque))
    if any(shape.color is not None for shape in found.shapes):
        items = [raw.FPDFPage_GetObject(page.raw, index) for index in range(found.objects)]
        found.order = {ctypes.addressof(item.contents): index for index, item in enumerate(items) if item}
    return found


def visible_runs(
    runs: Sequence[Run | None], found: PageShapes, frame: Frame, tally: Tally, number: int
) -> list[Run | None]:
    """Return the runs that a reader of the page sees; text under a black box becomes :data:`REDACTED`.

    Invisible text is kept where it is the text layer of a scan: over a picture, or on a page without other text.

    Args:
        number: that of the page, from 1.
    """
    only_layer = all(run is None or _is_unpainted(run) for run in runs)
    bands: dict[int, list[Shape]] = defaultdict(list)
    for shape in found.shapes:
        for band in range(int(shape.box[1] // _BAND), int(shape.box[3] // _BAND) + 1):
            bands[band].append(shape)
    kept: list[Run | None] = []
    for run in runs:
        if run is None:
            kept.append(None)
            continue
        for piece, fate in _fates(run, found, bands, frame, only_layer):
            if fate:
                tally.add(fate, part=number, detail="" if fate == COVERED else piece.text)
            if fate == COVERED:
                kept.append(replace(piece, text=f" {REDACTED} ", words=[]))
            elif not fate:
                kept.append(piece)
    return kept


def _is_unpainted(run: Run) -> bool:
    return run.look is not None and run.look.invisible


def _fates(
    run: Run, found: PageShapes, bands: Mapping[int, list[Shape]], frame: Frame, only_layer: bool
) -> list[tuple[Run, str]]:
    """Split a run at words of different fates, and return its pieces, each with the kind of its omission or ""."""
    if run.size < _LEAST_SIZE or not _is_on_page(run, frame):
        return [(run, HIDDEN)]
    x, y = (run.x0 + run.x1) / 2, run.y + 0.3 * run.size
    if _is_unpainted(run):
        return [(run, "" if only_layer or any(image.holds(x, y) for image in found.images) else HIDDEN)]
    near = [shape for shape in bands.get(int(y // _BAND), ()) if _overlaps(shape, run, y)]
    if not near or all(shape.color is None for shape in near):
        return [(run, _fate(run, x, y, near, found))]
    return [(piece, _fate(piece, (piece.x0 + piece.x1) / 2, y, near, found)) for piece in _pieces(run, near)]


def _pieces(run: Run, near: Sequence[Shape]) -> list[Run]:
    """Split a run before and after the words whose middle is in a shape that does not cover the whole of it."""
    if all(shape.box[0] <= run.x0 + 1 and shape.box[2] >= run.x1 - 1 for shape in near):
        return [run]
    starts = [(0, run.x0), *run.words]
    ends = [*(x - 0.25 * run.size for _, x in run.words), run.x1]
    groups: list[list[tuple[int, float, float]]] = []
    states: list[tuple[bool, ...]] = []
    for (offset, x0), x1 in zip(starts, ends, strict=True):
        state = tuple(shape.box[0] <= (x0 + x1) / 2 <= shape.box[2] for shape in near)
        if states and states[-1] == state:
            groups[-1].append((offset, x0, x1))
        else:
            groups.append([(offset, x0, x1)])
            states.append(state)
    stops = [group[0][0] for group in groups[1:]] + [len(run.text)]
    return [
        replace(
            run,
            text=run.text[group[0][0] : stop],
            x0=group[0][1],
            x1=group[-1][2],
            words=[(offset - group[0][0], x) for offset, x, _ in group[1:]],
            gap=run.gap if group is groups[0] else 0.0,
        )
        for group, stop in zip(groups, stops, strict=True)
    ]


def _fate(run: Run, x: float, y: float, near: Sequence[Shape], found: PageShapes) -> str:
    color = run.look.color if run.look else (0, 0, 0, 255)
    if color[3] < 13:
        return HIDDEN
    order = found.order.get(run.look.address) if run.look else None
    ground: tuple[int, int, int] | None = _WHITE
    for shape in near:
        if not shape.holds(x, y):
            continue
        if order is not None and shape.order > order:
            if shape.color is not None and shape.opaque:
                return COVERED if shape.dark else HIDDEN
        elif shape.color is None or shape.opaque:
            ground = shape.color
    if ground is None or max(abs(a - b) for a, b in zip(color[:3], ground, strict=True)) >= _LEAST_CONTRAST:
        return ""
    return COVERED if max(ground) < _DARK else HIDDEN


def _overlaps(shape: Shape, run: Run, y: float) -> bool:
    return shape.box[1] <= y <= shape.box[3] and shape.box[0] < run.x1 and shape.box[2] > run.x0


def _is_on_page(run: Run, frame: Frame) -> bool:
    return -run.size < run.y < frame.height + run.size and run.x1 > 0 and run.x0 < frame.width
