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
    """Return the text on the picture of a pypdfium2 page, in the engine's order, which is from top to bottom."""
    width, height = page.get_size()
    scale = min(_DOTS_PER_INCH / 72, _MAX_PIXELS / max(width, height, 1.0))
    bitmap = page.render(scale=scale)
    result = _engine()(bitmap.to_numpy())
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


@cache
def _engine() -> Any:
    import logging

    from rapidocr import RapidOCR

    engine = RapidOCR()
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)  # it reports each page without text
    return engine
