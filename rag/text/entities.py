"""Dates, numbers and names in English text, and when two of them are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

MONTHS = tuple("January February March April May June July August September October November December".split())
WEEKDAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
CALENDAR = frozenset(MONTHS + WEEKDAYS)
"""Capitalised words that name no person, place or organisation."""

CARDINALS = tuple(
    (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen"
    ).split()
)
"""Number words; the index of each is its value."""

Date = tuple[int | None, int | None, int | None]
"""Year, month and day; None where the text does not give one."""

_TENS = tuple("twenty thirty forty fifty sixty seventy eighty ninety".split())
_NUMBER_WORDS = {word: value for value, word in enumerate(CARDINALS)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_MONTH_NUMBERS = {
    form: number
    for number, month in enumerate(MONTHS, start=1)
    for form in (month.lower(), month[:3].lower(), *(["sept"] if month == "September" else []))
}
_MONTH = rf"(?P<m>{'|'.join(sorted(_MONTH_NUMBERS, key=len, reverse=True))})\b\.?"
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH}(?:,? (?P<y>\d{{4}})\b)?", re.IGNORECASE),
    re.compile(rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,? (?P<y>\d{{4}})\b)?", re.IGNORECASE),
    re.compile(rf"\b{_MONTH},? (?:of )?(?P<y>\d{{4}})\b", re.IGNORECASE),
    # A month alone counts in full and with a capital only, and "May" not at all: it is mostly the verb.
    re.compile(rf"\b(?P<m>{'|'.join(month for month in MONTHS if month != 'May')})\b"),
)
"""Forms of a date, the most precise first."""

_SCALE = rf"(?P<scale>{'|'.join(_SCALES)})\b"
_NUMBER = re.compile(
    rf"(?<![\w.])\$?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:st|nd|rd|th|s)?(?:[ -]{_SCALE})?",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:-(?P<ones>{'|'.join(CARDINALS[1:10])}))?"
    rf"|(?P<word>{'|'.join(_NUMBER_WORDS)}))(?: {_SCALE})?\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z][\w’'-]*")


def find_dates(text: str) -> Iterator[tuple[Date, str]]:
    """Yield each date of ``text`` with its words; each place is read once, in the most precise form that fits."""
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            part = match.groupdict()
            month, day, year = match["m"], part.get("d"), part.get("y")
            number = int(month) if month.isdigit() else _MONTH_NUMBERS[month.lower()]
            taken.append(match.span())
            yield (int(year) if year else None, number, int(day) if day else None), match.group()


def find_numbers(text: str) -> Iterator[tuple[float, str]]:
    """Yield each number of ``text``, in digits or words, as a value with its words.

    A plain "one" is left out: it is rarely a count.
    """
    for match in _NUMBER.finditer(text):
        yield float(match["digits"].replace(",", "")) * _SCALES.get((match["scale"] or "").lower(), 1), match.group()
    for match in _NUMBER_WORD.finditer(text):
        value = _NUMBER_WORDS[(match["tens"] or match["word"]).lower()]
        value += _NUMBER_WORDS.get((match["ones"] or "").lower(), 0)
        if value != 1 or match["scale"]:
            yield float(value * _SCALES.get((match["scale"] or "").lower(), 1)), match.group()


def find_names(text: str) -> Iterator[str]:
    """Yield each capitalised word of ``text`` that does not open its sentence."""
    for match in _NAME.finditer(text):
        before = text[: match.start()].rstrip(" “\"'‘(")
        if before and not before.endswith((".", "!", "?", ":")) and len(match.group()) > 1:
            yield match.group()


def date_matches(date: Date, other: Date) -> bool:
    """Whether ``other`` gives every part that ``date`` gives: "2 November 2015" matches "November 2015"."""
    return all(part is None or part == theirs for part, theirs in zip(date, other, strict=True))


def name_forms(word: str) -> set[str]:
    """Return the forms under which ``word`` may be found: without possessive, without dots, its hyphenated parts."""
    bare = re.sub(r"(?:['’]s|['’])$", "", word)
    return {bare, *bare.split("-"), bare.replace(".", "")} - {""}


def name_words(text: str) -> set[str]:
    """Return every word of ``text`` in lower case and in all its :func:`name_forms`, to look names up in."""
    return {form for word in re.findall(r"[\w’'-]+", text.lower()) for form in name_forms(word)}
