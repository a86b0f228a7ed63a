"""Count what a reader leaves out of a document's text, by kind and place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.types import Omission

_MAX_DETAILS = 5
_MAX_DETAIL_CHARS = 80

NO_TEXT_LAYER = "no text layer"
"""The kind of a page that shows something and has no text: a scan."""

OCR_EMPTY = "pages in which OCR found no words"
"""The kind of a page that shows something in which OCR found no words."""

OCR_ADVICE = "pip install 'citebrief[ocr]', then index it again with --ocr"
"""What to do about a page without a text layer."""

SURPLUS_CELLS = "cells beyond the columns, read as text"
"""The kind of a cell that a text without quotation marks was split into. All of it is read."""

UNREADABLE = "unreadable characters"
"""The kind of a character that the file does not tell: U+FFFD in the text, or of a font without names of letters."""

LOSSES = frozenset(
    {
        "attachments",
        "charts without data",
        "damaged parts",
        "embedded objects",
        "encrypted parts",
        "equations",
        "fields of an XFA form",
        "missing parts",
        NO_TEXT_LAYER,
        OCR_EMPTY,
        "nothing read",
        "parts of other formats",
        "text boxes",
        UNREADABLE,
        "unreadable font",
    }
)
"""Kinds that may hide words which a reader of the file sees. The others are no part of the running text."""


@dataclass(slots=True)
class _Count:
    number: int = 0
    parts: set[int] = field(default_factory=set)
    details: dict[str, None] = field(default_factory=dict)


class Tally:
    """Collects omissions while a file is read."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def add(self, what: str, *, part: int = 0, count: int = 1, detail: str = "") -> None:
        """Count ``count`` omissions of the kind ``what``, in the part ``part`` (from 1; 0 if unknown)."""
        if count <= 0:
            return
        kind = self._counts.setdefault(what, _Count())
        kind.number += count
        if part:
            kind.parts.add(part)
        if detail and len(kind.details) <= _MAX_DETAILS:
            words = " ".join(detail.split())
            kind.details[words if len(words) <= _MAX_DETAIL_CHARS else f"{words[: _MAX_DETAIL_CHARS - 1]}…"] = None

    def merge(self, other: Tally, *, only: str = "") -> None:
        """Add what ``other`` has counted, or what it has of the kind ``only``."""
        for what, kind in other._counts.items():
            if only not in ("", what):
                continue
            mine = self._counts.setdefault(what, _Count())
            mine.number += kind.number
            mine.parts |= kind.parts
            mine.details |= kind.details

    def has(self, part: int) -> bool:
        """Whether anything of the part ``part`` is counted."""
        return any(part in kind.parts for kind in self._counts.values())

    def count(self, what: str) -> int:
        """Return how many of the kind ``what`` are counted."""
        return self._counts[what].number if what in self._counts else 0

    def omissions(self) -> tuple[Omission, ...]:
        """Return what was counted, in alphabetical order of kinds, losses first."""
        found = []
        for what, kind in sorted(self._counts.items(), key=lambda item: (item[0] not in LOSSES, item[0])):
            details = list(kind.details)
            detail = "; ".join(details[:_MAX_DETAILS]) + ("; …" if len(details) > _MAX_DETAILS else "")
            found.append(
                Omission(
                    what=what,
                    count=kind.number,
                    parts=tuple(sorted(kind.parts)),
                    detail=detail,
                    lost=what in LOSSES,
                )
            )
        return tuple(found)


def describe_omission(omission: Omission, unit: str = "") -> str:
    """Return ``omission`` in words: ``no text layer (pages 3, 5–7)``.

    Args:
        unit: the name of the parts, in the singular.
    """
    places = [name for name in (number_ranges(omission.parts, unit), omission.detail) if name]
    count = f"{omission.count} " if omission.count > 1 and omission.count != len(omission.parts) else ""
    where = f" ({': '.join(places)})" if places else ""
    return f"{count}{omission.what}{where}"


def number_ranges(numbers: Sequence[int], unit: str) -> str:
    """Return ascending ``numbers`` as ``pages 3, 5–7``; an empty string for none."""
    if not numbers:
        return ""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    words = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in ranges)
    return f"{unit}{'s' if len(numbers) > 1 else ''} {words}".strip()
