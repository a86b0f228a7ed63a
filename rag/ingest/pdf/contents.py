"""Tell a table of contents from a statement or a price list, which have dot leaders too."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from rag.ingest.clean import match_key
from rag.ingest.omissions import Tally
from rag.ingest.pdf.lines import Line

LEADER = re.compile(r"(?:[ \t]?[.…·_]){4,}[ \t]*")
"""A row of dots that leads the eye to the end of its line."""

_ENTRY = re.compile(r"(?P<title>.*?\w.*?)(?:[\s·]?[.…·]){4,}\s*(?P<number>\d{1,4}|[ivxlc]{1,7})?\s*$")
_LEAST_ENTRIES = 3
_MAX_BEFORE = 3
_OPENING = 8


def has_leader(text: str) -> bool:
    """Whether a line has a dot leader between two of its parts, or at its end."""
    return _entry(text) is not None


def _entry(text: str) -> re.Match[str] | None:
    # Counting is cheap; the expression tries each of the dots as an end of the title.
    dots = text.count(".") + text.count("…") + text.count("·")
    return _ENTRY.match(text) if dots > 3 and LEADER.search(text) else None


def shorten_leader(text: str) -> str:
    """Return ``text`` with its dot leaders as four dots."""
    return LEADER.sub(" .... ", text).strip()


def without_contents(pages: Sequence[Sequence[Line]], tally: Tally) -> list[list[Line]]:
    """Return the lines of each page without tables of contents.

    Lines with dot leaders are a table of contents if their numbers rise, and at least half of their titles stand at the
    beginning of a line elsewhere in the document, so that leaving them out loses nothing. Other lines with leaders
    stay, such as those of a statement or a price list.
    """
    entries = [[(n, entry) for n, line in enumerate(lines) if (entry := _entry(line.text))] for lines in pages]
    if not any(len(found) >= _LEAST_ENTRIES for found in entries):
        return [list(lines) for lines in pages]
    titles: dict[str, set[str]] = defaultdict(set)
    for found in entries:
        for _, match in found:
            if key := _key(match["title"]):
                titles[key[:_OPENING]].add(key)
    starts = {
        key
        for lines, found in zip(pages, entries, strict=True)
        for n, line in enumerate(lines)
        if n not in {n for n, _ in found} and not line.aside
        for key in _openings(line.text, titles)
    }
    kept = []
    for number, (lines, found) in enumerate(zip(pages, entries, strict=True)):
        if not _is_contents(found, starts):
            kept.append(list(lines))
            continue
        tally.add("contents", part=number + 1)
        begin, end = found[0][0], found[-1][0]
        if begin <= _MAX_BEFORE and all(len(line.text) < 80 for line in lines[:begin]):
            begin = 0
        kept.append([*lines[:begin], *lines[end + 1 :]])
    return kept


def _is_contents(entries: Sequence[tuple[int, re.Match[str]]], starts: set[str]) -> bool:
    if len(entries) < _LEAST_ENTRIES:
        return False
    numbers = [int(entry["number"]) for _, entry in entries if (entry["number"] or "").isdecimal()]
    rising = sum(one <= other for one, other in pairwise(numbers))
    if rising < 0.8 * (len(numbers) - 1):
        return False
    keys = [key for _, entry in entries if (key := _key(entry["title"]))]
    return bool(keys) and sum(key in starts for key in keys) >= len(keys) / 2


def _key(title: str) -> str:
    """Return the letters of a title without its number, at most forty: a long title is broken into lines."""
    key = match_key(re.sub(r"^\W*(?:[ivxlc]+|[a-z]|\d+(?:\.\d+)*)[.)]\s+", "", title, flags=re.IGNORECASE))
    return key[:40] if len(key) > 2 else ""


def _openings(text: str, titles: Mapping[str, set[str]]) -> list[str]:
    """Return those of ``titles``, by their first letters, that ``text`` begins with, or that begin with all of it."""
    key = _key(text[:120])
    openings = {key[:n] for n in range(3, _OPENING + 1)}
    near = [title for opening in openings for title in titles.get(opening, ())]
    return [title for title in near if key.startswith(title) or (len(key) > 12 and title.startswith(key))]
