"""Parse the date of a document, as formats and ``Date:`` lines give it."""

from __future__ import annotations

import re
from datetime import date

from rag.ingest.clean import clean_text
from rag.text import MONTHS

_MONTHS = tuple(month[:3].lower() for month in MONTHS)
_MONTH = r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
_MONTH += r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})(?:-(?P<number>\d\d?)(?:-(?P<day>\d\d?))?)?(?:[T ]\d\d:.*)?",
        rf"(?:(?P<day>\d\d?)(?:st|nd|rd|th)?[\s-]+)?{_MONTH},?[\s-]+(?P<year>\d{{4}})",
        rf"{_MONTH}\s+(?P<day>\d\d?)(?:st|nd|rd|th)?,\s*(?P<year>\d{{4}})",
    )
)

_DAY_IN_NAME = re.compile(r"(?<!\d)(?:19|20)\d\d-\d\d-\d\d(?!\d)")
_DAY_IN_DIRECTORIES = re.compile(r"(?:^|/)((?:19|20)\d\d)/(\d\d?)/(\d\d?)(?=/)")


def iso_date(text: object) -> str | None:
    """Return ``text`` as ``2019``, ``2019-04`` or ``2019-04-18`` if all of it is a date, else None."""
    words = clean_text(str(text)).strip() if text is not None else ""
    for pattern in _DATES:
        if found := pattern.fullmatch(words):
            parts = found.groupdict()
            name = (parts.get("month") or "").lower()[:3]
            number = parts.get("number") or (_MONTHS.index(name) + 1 if name else None)
            return _format_date(parts["year"], number, parts.get("day"))
    return None


def date_of_name(name: str) -> str | None:
    """Return the one day that a path or URL names, in ISO 8601, or None.

    It stands in the last part (``2024-04-17.md``) or in the directories (``2024/04/17/post``). So minutes and posts are
    named. In four public collections 677 of 687 files with a day in the last part have the same date in their text, and
    the others one that is mostly a day off. The directories of 750 addresses, all of one blog, are its posts' days.
    """
    name = name.rstrip("/")
    found = {iso_date(day) for day in _DAY_IN_NAME.findall(name.rsplit("/", 1)[-1])} - {None}
    found = found or {_format_date(*parts) for parts in _DAY_IN_DIRECTORIES.findall(name)} - {None}
    return found.pop() if len(found) == 1 else None


def _format_date(year: str, month: str | int | None, day: str | None) -> str | None:
    """Return the date in ISO 8601 at the precision given, or None if there is no such day."""
    try:
        checked = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return checked.isoformat()[: 4 if not month else 7 if not day else 10]
