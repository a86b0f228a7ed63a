"""The characters of a PDF page, read through pdfium, as runs of one size on one baseline."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_HYPHENS = {0x02: "-", 0xFFFE: "-", 0xAD: "-", 0x2010: "-", 0x2011: "-"}
MARK = re.compile(r"[\d*†‡§,;\s–-]+|[a-z]")
"""What a footnote mark is made of."""


@dataclass(slots=True, kw_only=True)
class Run:
    """Characters of one size on one baseline. ``words`` is where words begin: offset in the text, and x."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    words: list[tuple[int, float]] = field(default_factory=list)


def runs(handle: Any, count: int) -> Iterator[Run | None]:
    """The runs of a page in its own order; None where pdfium sees a line end."""
    raw = pdfium()

    x, y = ctypes.c_double(), ctypes.c_double()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    chars: list[str] = []
    words: list[tuple[int, float]] = []
    first = last = 0
    size = base = 0.0

    def close() -> Iterator[Run]:
        if "".join(chars).strip():
            raw.FPDFText_GetCharBox(handle, first, left, right, bottom, top)
            x0 = left.value
            raw.FPDFText_GetCharBox(handle, last, left, right, bottom, top)
            bold = _is_bold(raw, handle, first) and _is_bold(raw, handle, last)  # a bold word that opens a line is none
            if abs(raw.FPDFText_GetCharAngle(handle, first)) < 0.1:  # what stands on its side is furniture
                text = "".join(chars)
                yield Run(text=text, x0=x0, x1=right.value, y=base, size=size, bold=bold, words=words.copy())
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


def pdfium() -> Any:
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
