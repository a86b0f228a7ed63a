"""Bring the pieces of a PDF page into reading order where columns are drawn line by line across the gutter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rag.ingest.pdf.runs import Run

_LEAST_LINES = 3
_MAX_COLUMNS = 4
_LEAST_FILL = 0.6
"""Share of a column's width that most of its lines reach. The cells of a table are shorter."""
_LEAST_CHARS = 18
_LEAST_LETTERS = 0.7


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line without a wide gap in it."""

    runs: list[Run]

    @property
    def x0(self) -> float:
        """Its left edge."""
        return min(run.x0 for run in self.runs)

    @property
    def x1(self) -> float:
        """Its right edge."""
        return max(run.x1 for run in self.runs)

    @property
    def y(self) -> float:
        """The baseline of its first run."""
        return self.runs[0].y

    @property
    def size(self) -> float:
        """The size of its largest run."""
        return max(run.size for run in self.runs)

    @property
    def text(self) -> str:
        """Its words."""
        return "".join(run.text for run in self.runs)


def in_columns(pieces: list[Piece], boxes: Sequence[Run]) -> list[list[Piece]]:
    """Return ``pieces``, which are in the order of the page's content, in groups in reading order.

    Where a stretch of the content goes back and forth over one gutter at least three times and both sides are filled
    with lines of prose, the left side comes before the right one. A table is left as it is: its cells are short, or
    numbers. Pieces of different groups do not belong to one line.

    Args:
        boxes: the redaction boxes; a gap with a box in it is no gutter.
    """
    gutter = _gutter(pieces, boxes)
    if gutter is None:
        return [pieces] if pieces else []
    ordered: list[list[Piece]] = []
    rest: list[Piece] = []
    for crosses, stretch in _stretches(pieces, gutter):
        columns = None if crosses else _columns(stretch, gutter, boxes, 0)
        if columns is None:
            rest += stretch
            continue
        ordered += [rest] if rest else []
        rest = []
        ordered += columns
    return [*ordered, rest] if rest else ordered


def _columns(stretch: list[Piece], gutter: float, boxes: Sequence[Run], depth: int) -> list[list[Piece]] | None:
    """Return the columns on both sides of ``gutter``, from left to right, or None if they are none."""
    if not _alternates(stretch, gutter):
        return None
    columns: list[list[Piece]] = []
    for side in (
        [piece for piece in stretch if piece.x1 <= gutter],
        [piece for piece in stretch if piece.x0 >= gutter],
    ):
        if _is_column(side):
            columns.append(side)
            continue
        inner = _gutter(side, boxes)
        found = _columns(side, inner, boxes, depth + 1) if inner is not None and depth < _MAX_COLUMNS else None
        if found is None:
            return None
        columns += found
    return columns


def _gutter(pieces: Sequence[Piece], boxes: Sequence[Run]) -> float | None:
    """Return the middle of the gap that most lines share, or None."""
    gaps = [
        (one.x1, other.x0)
        for one, other in pairwise(pieces)
        if abs(one.y - other.y) < 0.7 * max(one.size, other.size)
        and other.x0 - one.x1 > 0.9 * max(one.size, other.size)
        and not any(box.x0 < other.x0 and box.x1 > one.x1 and abs(box.y - one.y) < box.size for box in boxes)
    ]
    if len(gaps) < _LEAST_LINES:
        return None
    best = max((x for gap in gaps for x in gap), key=lambda x: sum(a <= x <= b for a, b in gaps))
    shared = [(a, b) for a, b in gaps if a <= best <= b]
    if len(shared) < _LEAST_LINES:
        return None
    return (max(a for a, _ in shared) + min(b for _, b in shared)) / 2


def _stretches(pieces: Sequence[Piece], gutter: float) -> list[tuple[bool, list[Piece]]]:
    """Return the stretches of the content that cross the gutter, or stay on one of its sides."""
    stretches: list[tuple[bool, list[Piece]]] = []
    for piece in pieces:
        crosses = piece.x0 < gutter < piece.x1
        if not stretches or stretches[-1][0] != crosses:
            stretches.append((crosses, []))
        stretches[-1][1].append(piece)
    return stretches


def _alternates(stretch: Sequence[Piece], gutter: float) -> bool:
    sides = [piece.x0 >= gutter for piece in stretch]
    return sum(not one and other for one, other in pairwise(sides)) >= _LEAST_LINES


def _is_column(pieces: Sequence[Piece]) -> bool:
    """Whether lines fill their column with words."""
    if len(pieces) < _LEAST_LINES:
        return False
    left, right = min(piece.x0 for piece in pieces), max(piece.x1 for piece in pieces)
    full = sum(piece.x1 - piece.x0 >= _LEAST_FILL * (right - left) for piece in pieces)
    solid = "".join("".join(piece.text.split()) for piece in pieces)
    letters = sum(char.isalpha() for char in solid)
    return (
        full >= 0.6 * len(pieces)
        and median(len(piece.text) for piece in pieces) >= _LEAST_CHARS
        and letters >= _LEAST_LETTERS * len(solid)
    )
