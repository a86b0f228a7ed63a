"""Dates and large numbers of a query in the notation of English prose."""

from __future__ import annotations

import re

from rag.text import MONTHS, find_numbers

_DOTTED = re.compile(r"(?<![\d.])(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\. ?(?P<y>\d{4})(?!\.?\d)")
_SLASHED = re.compile(r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})\b(?!/)")
_ISO = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b")
_MIN_NUMBER = 1000
"""Smaller numbers are written in words in documents too."""


def spell_out_numbers(query: str) -> str:
    """Return ``query`` with dates as "June 17, 2017", and numbers in words from 1,000 on as "3,814" or "95 million".

    A date with slashes that may be read in two ways, such as 12/2/2025, stays.
    """
    text = _DOTTED.sub(lambda found: _date(found["y"], found["m"], found["d"]) or found.group(), query)
    text = _ISO.sub(lambda found: _date(found["y"], found["m"], found["d"]) or found.group(), text)
    text = _SLASHED.sub(_slashed_date, text)
    for value, words in find_numbers(text):
        if value >= _MIN_NUMBER and not words[0].isdigit() and words.replace(" ", "").replace("-", "").isalpha():
            text = text.replace(words, _figure(value), 1)
    return text


def _date(year: str, month: str, day: str) -> str | None:
    if not 1 <= int(month) <= 12 or not 1 <= int(day) <= 31:
        return None
    return f"{MONTHS[int(month) - 1]} {int(day)}, {year}"


def _slashed_date(found: re.Match[str]) -> str:
    day_first, month_first = _date(found["y"], found["b"], found["a"]), _date(found["y"], found["a"], found["b"])
    if found["a"] == found["b"] or day_first is None or month_first is None:
        return day_first or month_first or found.group()
    return found.group()


def _figure(value: float) -> str:
    for size, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if value >= size and round(value / size, 3) * size == value:
            return f"{value / size:g} {name}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,}"
