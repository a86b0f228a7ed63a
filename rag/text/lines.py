"""Split text into lines at line breaks alone."""

from __future__ import annotations


def lines_of(text: str) -> list[str]:
    """Return the lines of ``text`` without a byte order mark.

    ``str.splitlines()`` also splits at characters that stand in JSON strings and in prose, such as U+2028.
    """
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
