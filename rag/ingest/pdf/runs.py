"""Read the characters of a PDF page through pdfium, as runs of one font size on one baseline."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rag.ingest.clean import EXPERT_GLYPHS
from rag.ingest.drawing import SYMBOLS
from rag.ingest.pdf.api import pdfium_api
from rag.ingest.pdf.frame import Frame

_HYPHENS = {0x02: "-", 0xFFFE: "-", 0xAD: "-", 0x2010: "-", 0x2011: "-"}
FOOTNOTE_MARK = re.compile(r"[\d*†‡§,;\s–-]+\)?|[a-z]")
"""Matches the whole text of a footnote mark. The operator ∗ is none, which formulas have raised: V∗."""

WIDE_GAP = 1.5
"""Width of a gap between two words, in font sizes, from which on they may belong to two columns or cells."""

_LETTERS = re.compile(r"[^\W\d_]*")

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
        self._color = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
        self.others: Counter[float] = Counter()
        """Characters in other directions, by angle in tenths of a radian."""
        self.unknown: Counter[str] = Counter()
        """Characters whose letter the font does not tell, by font."""

    def runs(self) -> Iterator[Run | None]:  # noqa: PLR0912, PLR0915 — one pass; its steps share what they know of a character
        """Yield the runs of the page in the order of its content, and None where pdfium reports a line end."""
        raw, handle, frame = pdfium_api(), self._handle, self._frame
        x, y = ctypes.c_double(), ctypes.c_double()
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        pieces: list[str] = []  # of the run: words, spaces and other characters
        length = 0  # of all pieces
        words: list[tuple[int, float]] = []
        first = last = 0
        size = base = gap = 0.0
        look: Look | None = None
        unknown = 0
        in_gap = False  # after a space that is no character of the page, or several spaces

        def flush() -> Run | None:
            nonlocal gap, length, unknown
            if not pieces:
                return None
            run = None
            run_text = "".join(pieces)
            if not run_text.isspace():
                angle = raw.FPDFText_GetCharAngle(handle, first)
                if frame.holds(angle):
                    x0 = box_of(first)[0]
                    x1 = box_of(last)[2]
                    font = _font_name(raw, handle, first)
                    # Both ends, because a line may only begin with a bold word.
                    bold = _is_bold(raw, handle, first, font) and _is_bold(raw, handle, last)
                    if unknown:
                        self.unknown[font] += unknown
                    run = Run(
                        text=run_text,
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
                    self.others[round(angle, 1)] += length
            pieces.clear()
            words.clear()
            length, gap, unknown = 0, 0.0, 0
            return run

        def box_of(index: int) -> tuple[float, float, float, float]:
            raw.FPDFText_GetCharBox(handle, index, left, right, bottom, top)
            box = left.value, bottom.value, right.value, top.value
            return box if upright else frame.box(box)

        upright = frame.is_upright
        text = _page_string(raw, handle, self._count)
        end = 0
        while end < self._count:
            index, end = end, end + 1
            char = text[index]
            code = ord(char)
            unmapped = (code < 32 or code == 0xFFFD) and raw.FPDFText_HasUnicodeMapError(handle, index) == 1
            if code in {10, 13} and not unmapped:
                if run := flush():
                    yield run
                yield None
                continue
            if code in {0, 9, 32, 160} and not unmapped:
                if pieces and code:
                    in_gap = pieces[-1] == " " or raw.FPDFText_IsGenerated(handle, index) == 1
                    pieces.append(" ")
                    length += 1
                continue
            is_letter = char.isalpha()
            if not is_letter and not char.isalnum():
                plain = _HYPHENS.get(code) or EXPERT_GLYPHS.get(code) or SYMBOLS.get(code)
                char = _NO_LETTER if unmapped else plain or (_NO_LETTER if 0xE000 <= code <= 0xF8FF else char)
            raw.FPDFText_GetCharOrigin(handle, index, x, y)
            at, height = (x.value, y.value) if upright else frame.point(x.value, y.value)
            char_size = raw.FPDFText_GetFontSize(handle, index)
            if char_size <= 2:
                char_size = _scaled_size(raw, handle, index, char_size)
            begins_word = not pieces or pieces[-1] == " "
            own_look = self._look(raw, index) if begins_word else look
            if pieces and (abs(height - base) > 0.5 or abs(char_size - size) > 0.3):
                ends_line = abs(height - base) > 0.7 * max(size, char_size)
                if run := flush():
                    yield run
                if ends_line:
                    yield None
            elif pieces and own_look is not look and _is_other_paint(look, own_look):
                if run := flush():
                    yield run
            elif pieces and begins_word and in_gap and (width := at - box_of(last)[2]) > WIDE_GAP * size:
                if run := flush():
                    yield run
                gap = width
            in_gap = False
            if not pieces:
                first, size, base, look = index, char_size, height, own_look
            elif pieces[-1] == " ":
                words.append((length, at))
            if is_letter:
                # Position and size do not change inside a word: not reading them there spares most of the calls.
                end = _word_end(text, end)
                char = text[index:end]
            pieces.append(char)
            length += len(char)
            unknown += char == _NO_LETTER
            last = end - 1
        if run := flush():
            yield run

    def _look(self, raw: Any, index: int) -> Look | None:
        item = raw.FPDFText_GetTextObject(self._handle, index)
        if not item:
            return None
        address = ctypes.addressof(item.contents)
        if address not in self._looks:
            red, green, blue, alpha = self._color
            known = raw.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
            mode = raw.FPDFTextObj_GetTextRenderMode(item)
            # Outlined letters (modes 1, 2, 5 and 6) are seen whatever they are filled with.
            outlined = mode in {1, 2, 5, 6}
            color = (red.value, green.value, blue.value, alpha.value) if known and not outlined else (0, 0, 0, 255)
            self._looks[address] = Look(mode in {3, 7}, color, address)
        return self._looks[address]


def _page_string(raw: Any, handle: Any, count: int) -> str:
    """Return the characters of a text page as a string in which each stands at its index.

    pdfium gives the text of a page in one call, which is much faster than a call a character; but that text is shorter
    where a character is none for it, and has U+FFFE for each hyphen at the end of a line.
    """
    buffer = (ctypes.c_ushort * (2 * count + 2))()
    written = raw.FPDFText_GetText(handle, 0, count, buffer)
    text = bytes(buffer)[: 2 * max(0, written - 1)].decode("utf-16-le", "surrogatepass")
    if len(text) != count:
        return "".join(chr(raw.FPDFText_GetUnicode(handle, index)) for index in range(count))
    if "\ufffe" not in text:
        return text
    return "".join(
        chr(raw.FPDFText_GetUnicode(handle, index)) if char == "\ufffe" else char for index, char in enumerate(text)
    )


def _word_end(text: str, start: int) -> int:
    """Return the end of the letters of ``text`` from ``start`` on."""
    found = _LETTERS.match(text, start)
    end = found.end() if found else start
    while end > start and not text[start:end].isalpha():
        end -= 1  # a superscript or a fraction is no digit for the expression, and no letter
    return end


def _is_other_paint(one: Look | None, other: Look | None) -> bool:
    return one is None or other is None or (one.invisible, one.color) != (other.invisible, other.color)


def _scaled_size(raw: Any, handle: Any, index: int, size: float) -> float:
    """Return a character's size on the page where a program sets font size 1 and scales it by the matrix."""
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
    return _is_bold_font(_font_name(raw, handle, index) if font is None else font)


@lru_cache(maxsize=256)
def _is_bold_font(name: str) -> bool:
    return bool(re.search(r"bold|black|heavy|semib|cmbx|[a-z]bx\d|-?bd\b|lmroman\d+-bold", name, re.IGNORECASE))
