"""The direction in which the text of a PDF page runs, and the turn that makes it upright."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from rag.ingest.pdf.api import pdfium_api

Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points."""

SAME_DIRECTION = 0.1
"""Radians by which the letters of a text may differ from its direction: six degrees."""

_SAMPLE = 60
_QUARTER = math.pi / 2


@dataclass(frozen=True, slots=True)
class Frame:
    """Turns coordinates of a page so that text which pdfium reports at ``angle`` runs from left to right.

    ``width`` and ``height`` are those of the turned page, whose lower left corner is at 0, 0.
    """

    angle: float
    cos: float
    sin: float
    dx: float
    dy: float
    width: float
    height: float

    @classmethod
    def make(cls, angle: float, page: Box) -> Frame:
        """Return the frame for text at ``angle`` (radians, clockwise, as pdfium gives it) on ``page``."""
        cos, sin = math.cos(angle), math.sin(angle)
        xs = [x * cos - y * sin for x in page[::2] for y in page[1::2]]
        ys = [x * sin + y * cos for x in page[::2] for y in page[1::2]]
        return cls(angle, cos, sin, -min(xs), -min(ys), max(xs) - min(xs), max(ys) - min(ys))

    @property
    def is_upright(self) -> bool:
        """Whether the frame changes nothing."""
        return not (self.angle or self.dx or self.dy)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Turn a point."""
        return x * self.cos - y * self.sin + self.dx, x * self.sin + y * self.cos + self.dy

    def box(self, box: Box) -> Box:
        """Return the upright box around a turned one."""
        if self.is_upright:
            return box
        corners = [self.point(x, y) for x in box[::2] for y in box[1::2]]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return min(xs), min(ys), max(xs), max(ys)

    def holds(self, angle: float) -> bool:
        """Whether text at ``angle`` is upright in this frame, or nearly so."""
        return abs(difference(angle, self.angle)) < SAME_DIRECTION


def difference(one: float, other: float) -> float:
    """Return the difference of two angles, between -π and π."""
    return math.remainder(one - other, 2 * math.pi)


def main_angle(handle: Any, count: int) -> float:
    """Return the angle of most of the letters of a page, in radians, between -π and π; 0 for upright text.

    A scan that was put in askew leans by a degree or two; pages are also turned by a quarter.

    Args:
        handle: pdfium's text page.
        count: the number of its characters.
    """
    raw = pdfium_api()
    angles = [
        difference(raw.FPDFText_GetCharAngle(handle, index), 0.0)
        for index in range(0, count, max(1, count // _SAMPLE))
        if raw.FPDFText_GetUnicode(handle, index) > 32 and not raw.FPDFText_IsGenerated(handle, index)
    ]
    if not angles:
        return 0.0
    most, _ = Counter(round(angle / SAME_DIRECTION) for angle in angles).most_common(1)[0]
    near = [angle for angle in angles if abs(difference(angle, most * SAME_DIRECTION)) < SAME_DIRECTION]
    angle = sorted(near)[len(near) // 2]
    return 0.0 if abs(angle) < 0.001 else angle


def is_sideways(angle: float, main: float) -> bool:
    """Whether text at ``angle`` is turned by quarters against text at ``main``, and not slanted."""
    turned = difference(angle, main) / _QUARTER
    return abs(turned - round(turned)) * _QUARTER < SAME_DIRECTION
