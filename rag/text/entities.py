"""Dates, numbers and names in English text, and when two of them are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

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
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?=\b|T)"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH}(?:,? (?P<y>\d{{4}})\b)?", re.IGNORECASE),
    re.compile(rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,? (?P<y>\d{{4}})\b)?", re.IGNORECASE),
    re.compile(rf"\b{_MONTH},? (?:of )?(?P<y>\d{{4}})\b", re.IGNORECASE),
    # A month alone counts in full and with a capital only, and "May" not at all: it is mostly the verb.
    re.compile(rf"\b(?P<m>{'|'.join(month for month in MONTHS if month != 'May')})\b"),
)
"""Forms of a date, the most precise first."""

_SHORT_SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "mln": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
_AMBIGUOUS_SCALES = frozenset("mb")
"""Short scales that count after a currency or as a capital only: "5m" may be a length."""

_CURRENCY = r"(?:(?:US|CA|AU|NZ|HK|[AC])?[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY|NOK|SEK|INR)[ \u00a0]?)"
_FIGURE = re.compile(
    rf"(?<![\w.])(?P<currency>{_CURRENCY})?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?:(?P<suffix>st|nd|rd|th|s)\b)?(?:[ \u00a0-]?(?P<scale>{'|'.join([*_SCALES, *_SHORT_SCALES])})\b)?"
    r"(?P<percent>\s?%|\s?per ?cent\b|[ -]percentage[ -]points?\b)?"
    r"(?P<unit>[ \u00a0-](?:dollars?|euros?|pounds?|yen|rupees|francs|kron(?:er|or)|bucks)\b)?",
    re.IGNORECASE,
)
# Atomic groups: where "twenty-one" cannot be part of a number, "twenty" cannot be either.
_BELOW_100 = rf"(?>(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(CARDINALS[1:10])}))?|{'|'.join(_NUMBER_WORDS)})\b)"
_BELOW_1000 = rf"(?>(?:{_BELOW_100}|a) hundred\b(?:(?: and)? {_BELOW_100}(?! hundred\b))?|{_BELOW_100})"
_LARGE_SCALES = ("trillion", "billion", "million", "thousand")


def _from_scale(at: int) -> str:
    """Return a pattern of the large scale ``at`` and of what may follow it in one number: lower scales, then the rest.

    Scales fall within a number: "one million and two million" are two of them.
    """
    no_scale = rf"(?! (?:{'|'.join(('hundred', 'point', *_LARGE_SCALES))})\b)"
    parts = [*(rf"{_BELOW_1000} {scale}\b" for scale in _LARGE_SCALES[at + 1 :]), _BELOW_1000 + no_scale]
    return rf" {_LARGE_SCALES[at]}\b" + "".join(rf"(?:,? (?:and )?{part})?" for part in parts)


_NUMBER_WORD = re.compile(
    rf"\b{_BELOW_1000}(?: point(?: (?:{'|'.join(CARDINALS[:10])}))+)?"
    rf"(?:{'|'.join(map(_from_scale, range(len(_LARGE_SCALES))))})?\b",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number in digits, at ``text[start:end]``; ``value`` includes its scale ("1.5bn" is 1,500,000,000).

    ``decimals`` are the digits after the point. ``kind`` is "name" for a number that is part of a name ("CK-666").
    """

    value: float
    words: str
    start: int
    end: int
    decimals: int
    kind: Literal["money", "percent", "ordinal", "name", "plain"]


def find_figures(text: str) -> Iterator[Figure]:
    """Yield each number in digits of ``text``."""
    for match in _FIGURE.finditer(text):
        money = match["currency"] or match["unit"]
        scale = match["scale"] or ""
        unclear = scale in _AMBIGUOUS_SCALES and not money
        factor = 1 if unclear else {**_SCALES, **_SHORT_SCALES}.get(scale.lower(), 1)
        digits = match["digits"].replace(",", "")
        suffix = (match["suffix"] or "").lower()
        yield Figure(
            value=float(digits) * factor,
            words=match.group(),
            start=match.start(),
            end=match.end(),
            decimals=len(digits.partition(".")[2]),
            kind="money"
            if money
            else "percent"
            if match["percent"]
            else "ordinal"
            if suffix
            else "name"
            if re.search(r"[A-Za-z][-–/]$", text[: match.start()])
            else "plain",
        )


def find_numbers(text: str) -> Iterator[tuple[float, str]]:
    """Yield each number of ``text``, in digits or words, as a value with its words.

    A plain "one" is left out: it is rarely a count.
    """
    for figure in find_figures(text):
        yield figure.value, figure.words
    for match in _NUMBER_WORD.finditer(text):
        if match.group().lower() != "one":
            yield _value_of_words(match.group()), match.group()


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


def _value_of_words(words: str) -> float:
    """Return the value of a number in words, such as "two hundred and five thousand" or "three point five"."""
    total = current = 0.0
    place = 0
    for word in re.split(r"[\s,-]+", words.lower()):
        if word == "point":
            place = 1
        elif word == "hundred":
            current = 100 * max(1.0, current)
        elif word in _SCALES:
            total += max(1.0, current) * _SCALES[word]
            current, place = 0.0, 0
        elif place:
            current += _NUMBER_WORDS[word] / 10**place
            place += 1
        else:
            current += _NUMBER_WORDS.get(word, 0)
    return total + current
