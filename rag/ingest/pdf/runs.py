"""Read the characters of a PDF page through pdfium, as runs of one font size on one baseline."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.ingest.clean import EXPERT_GLYPHS

_HYPHENS = {0x02: "-", 0xFFFE: "-", 0xAD: "-", 0x2010: "-", 0x2011: "-"}
FOOTNOTE_MARK = re.compile(r"[\d*†‡§,;\s–-]+|[a-z]")
"""Matches the whole text of a footnote mark."""


@dataclass(slots=True, kw_only=True)
class Run:
    """Characters of one font size on one baseline.

    Lengths are points. ``y`` is the baseline, from the foot of the page. ``words`` has the offset in the text and the x
    position of each word but the first.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    words: list[tuple[int, float]] = field(default_factory=list)


def text_runs(handle: Any, count: int) -> Iterator[Run | None]:
    """Yield the runs of a page in the order of its content, and None where pdfium reports a line end.

    Args:
        handle: pdfium's text page.
        count: the number of its characters.
    """
    raw = pdfium_api()

    x, y = ctypes.c_double(), ctypes.c_double()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    chars: list[str] = []
    words: list[tuple[int, float]] = []
    first = last = 0
    size = base = 0.0

    def flush() -> Iterator[Run]:
        if "".join(chars).strip():
            raw.FPDFText_GetCharBox(handle, first, left, right, bottom, top)
            x0 = left.value
            raw.FPDFText_GetCharBox(handle, last, left, right, bottom, top)
            # Both ends, because a line may only begin with a bold word.
            bold = _is_bold(raw, handle, first) and _is_bold(raw, handle, last)
            if abs(raw.FPDFText_GetCharAngle(handle, first)) < 0.1:  # rotated text is not part of the body
                text = "".join(chars)
                yield Run(text=text, x0=x0, x1=right.value, y=base, size=size, bold=bold, words=words.copy())
        chars.clear()
        words.clear()

    for index in range(count):
        code = raw.FPDFText_GetUnicode(handle, index)
        if code in {10, 13}:
            yield from flush()
            yield None
            continue
        if code in {0, 9, 32, 160}:
            if chars and code:
                chars.append(" ")
            continue
        char = _HYPHENS.get(code) or EXPERT_GLYPHS.get(code) or chr(code)
        # Position and size do not change inside a word: not reading them there leaves a quarter of the calls.
        if chars and char.isalpha() and chars[-1].isalpha():
            chars.append(char)
            last = index
            continue
        raw.FPDFText_GetCharOrigin(handle, index, x, y)
        char_size = _visible_size(raw, handle, index, raw.FPDFText_GetFontSize(handle, index))
        if chars and (abs(y.value - base) > 0.5 or abs(char_size - size) > 0.3):
            ends_line = abs(y.value - base) > 0.7 * max(size, char_size)
            yield from flush()
            if ends_line:
                yield None
        if not chars:
            first, size, base = index, char_size, y.value
        elif chars[-1] == " ":
            words.append((len(chars), x.value))
        chars.append(char)
        last = index
    yield from flush()


def pdfium_api() -> Any:
    """Return pdfium's C functions; their names exist at run time only."""
    from pypdfium2 import raw

    return raw


def _visible_size(raw: Any, handle: Any, index: int, size: float) -> float:
    """Return a character's size on the page: many programs set font size 1 and scale it by the matrix."""
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
