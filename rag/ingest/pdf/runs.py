"""Read the characters of a PDF page through pdfium, as runs of one font size on one baseline."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.ingest.clean import EXPERT_GLYPHS
from rag.ingest.drawing import SYMBOLS
from rag.ingest.pdf.api import pdfium_api
from rag.ingest.pdf.frame import Frame

_HYPHENS = {0x02: "-", 0xFFFE: "-", 0xAD: "-", 0x2010: "-", 0x2011: "-"}
FOOTNOTE_MARK = re.compile(r"[\d*†‡§,;\s–-]+|[a-z]")
"""Matches the whole text of a footnote mark."""

WIDE_GAP = 1.5
"""Width of a gap between two words, in font sizes, from which on they may belong to two columns or cells."""

_NO_LETTER = "\ufffd"
"""Stands for a character whose letter the font does not tell."""


@dataclass(slots=True, kw_only=True)
class Run:
    """Characters of one font size on one baseline.

    Lengths are points, in the page's frame. ``y`` is the baseline, from the foot of the page. ``words`` has the offset
    in the text and the x position of each word but the first. ``gap`` is the width of the white space before the run,
    where that is wide. ``look`` says how it is painted; ``font`` is the name of its font.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    words: list[tuple[int, float]] = field(default_factory=list)
    gap: float = 0.0
    look: Look | None = None
    font: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """How a text object of a page is painted.

    ``color`` is red, green, blue and alpha, each up to 255. ``address`` identifies the object among those of its page.
    """

    invisible: bool
    color: tuple[int, int, int, int]
    address: int


class PageText:
    """The text of a page in one direction.

    Args:
        handle: pdfium's text page.
        count: the number of its characters.
        frame: turns the page so that the text is upright; text in other directions is only counted, in ``others``.
    """

    def __init__(self, handle: Any, count: int, frame: Frame) -> None:
        self._handle = handle
        self._count = count
        self._frame = frame
        self._looks: dict[int, Look] = {}
        self.others: Counter[float] = Counter()
        """Characters in other directions, by angle in tenths of a radian."""
        self.unknown: Counter[str] = Counter()
        """Characters whose letter the font does not tell, by font."""

    def runs(self) -> Iterator[Run | None]:  # noqa: PLR0915 — one pass, whose steps share what they know of a character
        """Yield the runs of the page in the order of its content, and None where pdfium reports a line end."""
        raw, handle, frame = pdfium_api(), self._handle, self._frame
        x, y = ctypes.c_double(), ctypes.c_double()
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        chars: list[str] = []
        words: list[tuple[int, float]] = []
        first = last = 0
        size = base = gap = 0.0
        look: Look | None = None
        unknown = 0
        in_word = False
        in_gap = False  # after a space that is no character of the page, or several spaces

        def flush() -> Iterator[Run]:
            nonlocal gap, unknown
            if "".join(chars).strip():
                angle = raw.FPDFText_GetCharAngle(handle, first)
                if frame.holds(angle):
                    x0 = box_of(first)[0]
                    x1 = box_of(last)[2]
                    font = _font_name(raw, handle, first)
                    # Both ends, because a line may only begin with a bold word.
                    bold = _is_bold(raw, handle, first, font) and _is_bold(raw, handle, last)
                    if unknown:
                        self.unknown[font] += unknown
                    yield Run(
                        text="".join(chars),
                        x0=x0,
                        x1=x1,
                        y=base,
                        size=size,
                        bold=bold,
                        words=words.copy(),
                        gap=gap,
                        look=look,
                        font=font,
                    )
                else:
                    self.others[round(angle, 1)] += len(chars)
            chars.clear()
            words.clear()
            gap, unknown = 0.0, 0

        def box_of(index: int) -> tuple[float, float, float, float]:
            raw.FPDFText_GetCharBox(handle, index, left, right, bottom, top)
            box = left.value, bottom.value, right.value, top.value
            return box if upright else frame.box(box)

        get_unicode, upright = raw.FPDFText_GetUnicode, frame.is_upright
        for index in range(self._count):
            code = get_unicode(handle, index)
            char = chr(code)
            # Position and size do not change inside a word: not reading them there leaves a quarter of the calls.
            if in_word and char.isalpha():
                chars.append(char)
                last = index
                continue
            in_word = False
            unmapped = (code < 32 or code == 0xFFFD) and raw.FPDFText_HasUnicodeMapError(handle, index) == 1
            if code in {10, 13} and not unmapped:
                yield from flush()
                yield None
                continue
            if code in {0, 9, 32, 160} and not unmapped:
                if chars and code:
                    in_gap = chars[-1] == " " or raw.FPDFText_IsGenerated(handle, index) == 1
                    chars.append(" ")
                continue
            if not char.isalnum():
                plain = _HYPHENS.get(code) or EXPERT_GLYPHS.get(code) or SYMBOLS.get(code)
                char = _NO_LETTER if unmapped else plain or (_NO_LETTER if 0xE000 <= code <= 0xF8FF else char)
            raw.FPDFText_GetCharOrigin(handle, index, x, y)
            at, height = (x.value, y.value) if upright else frame.point(x.value, y.value)
            char_size = _visible_size(raw, handle, index, raw.FPDFText_GetFontSize(handle, index))
            begins_word = not chars or chars[-1] == " "
            own_look = self._look(raw, index) if begins_word else look
            if chars and (abs(height - base) > 0.5 or abs(char_size - size) > 0.3):
                ends_line = abs(height - base) > 0.7 * max(size, char_size)
                yield from flush()
                if ends_line:
                    yield None
            elif chars and own_look is not look and _is_other_paint(look, own_look):
                yield from flush()
            elif chars and begins_word and in_gap and (width := at - box_of(last)[2]) > WIDE_GAP * size:
                yield from flush()
                gap = width
            in_gap = False
            if not chars:
                first, size, base, look = index, char_size, height, own_look
            elif chars[-1] == " ":
                words.append((len(chars), at))
            chars.append(char)
            in_word = char.isalpha()
            unknown += char == _NO_LETTER
            last = index
        yield from flush()

    def _look(self, raw: Any, index: int) -> Look | None:
        item = raw.FPDFText_GetTextObject(self._handle, index)
        if not item:
            return None
        address = ctypes.addressof(item.contents)
        if address not in self._looks:
            red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
            known = raw.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
            mode = raw.FPDFTextObj_GetTextRenderMode(item)
            # Outlined letters (modes 1, 2, 5 and 6) are seen whatever they are filled with.
            outlined = mode in {1, 2, 5, 6}
            color = (red.value, green.value, blue.value, alpha.value) if known and not outlined else (0, 0, 0, 255)
            self._looks[address] = Look(mode in {3, 7}, color, address)
        return self._looks[address]


def _is_other_paint(one: Look | None, other: Look | None) -> bool:
    return one is None or other is None or (one.invisible, one.color) != (other.invisible, other.color)


def _visible_size(raw: Any, handle: Any, index: int, size: float) -> float:
    """Return a character's size on the page: many programs set font size 1 and scale it by the matrix."""
    if size > 2:
        return float(size)
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(handle, index, matrix)
    return float(size * abs(matrix.d or matrix.b or 1.0))


def _font_name(raw: Any, handle: Any, index: int) -> str:
    buffer = ctypes.create_string_buffer(128)
    length = raw.FPDFText_GetFontInfo(handle, index, buffer, 128, ctypes.c_int())
    return buffer.raw[: max(0, min(length, 128) - 1)].decode("utf-8", "replace")


def _is_bold(raw: Any, handle: Any, index: int, font: str | None = None) -> bool:
    if raw.FPDFText_GetFontWeight(handle, index) >= 600:
        return True
    name = _font_name(raw, handle, index) if font is None else font
    return bool(re.search(r"bold|black|heavy|semib|cmbx|[a-z]bx\d|-?bd\b|lmroman\d+-bold", name, re.IGNORECASE))
