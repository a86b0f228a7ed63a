"""Write the numbers and dates that Office files store as people read them."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from math import isclose

_NO_DATE = re.compile(r'"[^"]*"|\[[^\]]*\]|[\\_*].')
"""Parts of a number format that are shown as they stand: quoted or escaped characters, colours, conditions, padding."""

_DATE = re.compile("[yd]|mmm", re.IGNORECASE)
_EPOCH, _EPOCH_1904 = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)


def number_text(value: float) -> str:
    """Return a number with at most 15 digits, as many as the programs store; an integer has no exponent.

    The error of binary fractions is left out, also after sums: 9.99999999999998 is 10.
    """
    if value.is_integer() and abs(value) < 1e21:
        return str(int(Decimal(repr(value))))
    short = f"{value:.12g}"
    return short if isclose(float(short), value, rel_tol=1e-14) else f"{value:.15g}"


def is_date_format(code: str) -> bool:
    """Whether the number format ``code`` shows a date: a year, a day or the name of a month."""
    return bool(_DATE.search(_NO_DATE.sub("", code.partition(";")[0])))


def date_text(days: float, *, since_1904: bool = False) -> str | None:
    """Return the date, and the time if it has one, of a number of ``days`` in ISO 8601; None if it is out of range."""
    try:
        date = (_EPOCH_1904 if since_1904 else _EPOCH) + datetime.timedelta(seconds=round(days * 86_400))
    except (OverflowError, ValueError):
        return None
    return datetime_text(date)


def datetime_text(date: datetime.datetime) -> str:
    """Return a date in ISO 8601, with its time unless that is midnight."""
    return date.isoformat(sep=" ") if date.time() != datetime.time() else date.date().isoformat()
