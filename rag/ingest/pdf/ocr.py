"""Recognise the words on the picture of a PDF page, through RapidOCR.

Its package ships its models (PP-OCRv6, 31 MB, for Latin and Chinese letters), so that nothing is downloaded, and runs
them on ONNX Runtime, which Chroma needs anyway. It is the optional extra ``citebrief[ocr]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import Any

from rag.errors import UsageError
from rag.ingest.pdf.frame import Frame
from rag.ingest.pdf.runs import Run

_DOTS_PER_INCH = 200
_MAX_PIXELS = 5_000
"""Longer side of the picture of a page; a larger page is shown at fewer dots per inch."""
_LEAST_SCORE = 0.5
"""The engine's own confidence in a line, below which it is taken for a stain or a drawing."""
_SIZE_OF_HEIGHT = 0.75
"""Font size in heights of the box that the engine puts around a line."""
_TALL = 1.5
"""Height in widths from which on the engine takes the box of a line for one that reads upwards or downwards."""
_CLASSIFIED = 9
"""Number of the longest lines that tell whether a page stands on its head."""
_AS_CERTAIN = 0.9
"""Share of the certainty of the page as it is that a turned one has at least: of Chinese in columns it has less."""
_SAME_SIZE = 0.3
"""Share by which the boxes of lines of one font size differ: a line without tall letters has a lower box."""


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """The lines that were recognised, each followed by None, and the frame that their coordinates are in."""

    frame: Frame
    runs: list[Run | None]


def require_ocr() -> None:
    """Check that the extra is installed.

    Raises:
        UsageError: it is not.
    """
    if find_spec("rapidocr") is None:
        raise UsageError("--ocr needs an extra: pip install 'citebrief[ocr]'")


def recognise_page(page: Any) -> RecognisedPage:
    """Return the text on the picture of a pypdfium2 page, in the engine's order, which is from top to bottom.

    A page that was scanned sideways or upside down is turned first.
    """
    width, height = page.get_size()
    scale = min(_DOTS_PER_INCH / 72, _MAX_PIXELS / max(width, height, 1.0))
    picture = page.render(scale=scale).to_numpy()
    result = _engine()(picture, use_det=True, use_cls=True, use_rec=True)  # it keeps what the last call said
    least = _AS_CERTAIN * _certainty(result)
    for turns in _quarter_turns(picture, result):
        # Without the turning of single lines, those of a page on its head are not recognised.
        turned = _engine()(_turn(picture, turns), use_det=True, use_cls=False, use_rec=True)
        if (certainty := _certainty(turned)) > least:
            result, least = turned, certainty
            size = page.get_size()
            width, height = size[::-1] if turns % 2 else size
    frame = Frame.make(0.0, (0.0, 0.0, width, height))
    lines: list[tuple[str, float, float, float, float]] = []
    if result.boxes is not None:
        for box, text, score in zip(result.boxes, result.txts, result.scores, strict=True):
            if text.strip() and score >= _LEAST_SCORE:
                xs, ys = [float(x) / scale for x, _ in box], [float(y) / scale for _, y in box]
                lines.append((text.strip(), min(xs), max(xs), min(ys), max(ys)))
    usual = median([bottom - top for *_, top, bottom in lines]) if lines else 0.0
    runs: list[Run | None] = []
    for text, x0, x1, top, bottom in lines:
        line_height = usual if abs(bottom - top - usual) < _SAME_SIZE * usual else bottom - top
        baseline = height - bottom + 0.2 * line_height
        runs += [Run(text=f"{text} ", x0=x0, x1=x1, y=baseline, size=round(_SIZE_OF_HEIGHT * line_height, 1)), None]
    return RecognisedPage(frame, runs)


def _quarter_turns(picture: Any, result: Any) -> tuple[int, ...]:
    """Return the numbers of quarter turns, counterclockwise, after one of which the lines of a picture may be upright.

    The engine recognises a turned line, but puts the lines of a turned page out of order.
    """
    if result.boxes is None:
        return ()
    boxes = []
    for box, text in zip(result.boxes, result.txts, strict=True):
        xs, ys = [max(0, int(x)) for x, _ in box], [max(0, int(y)) for _, y in box]
        if max(xs) > min(xs) and max(ys) > min(ys):
            boxes.append((len(text), min(xs), max(xs), min(ys), max(ys)))
    tall = sum(length for length, x0, x1, y0, y1 in boxes if y1 - y0 >= _TALL * (x1 - x0))
    if 2 * tall > sum(length for length, *_ in boxes):
        return 1, 3
    longest = sorted(boxes, reverse=True)[:_CLASSIFIED]
    inverted = 0
    for _, x0, x1, y0, y1 in longest:
        line = _turn(picture[y0:y1, x0:x1], 0)
        ((label, _),) = _engine()(line, use_det=False, use_cls=True, use_rec=False).cls_res
        inverted += label == "180"
    return (2,) if inverted and 2 * inverted >= len(longest) else ()


def _turn(picture: Any, turns: int) -> Any:
    import numpy as np

    return np.ascontiguousarray(np.rot90(picture, turns))


def _certainty(result: Any) -> float:
    """Return the number of characters that were recognised, each counted by the confidence in its line."""
    if result.txts is None:
        return 0.0
    return sum(len(text) * float(score) for text, score in zip(result.txts, result.scores, strict=True))


@cache
def _engine() -> Any:
    import logging

    from rapidocr import RapidOCR

    engine = RapidOCR()
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)  # it reports each page without text
    return engine
