"""Find the headings among the lines of a PDF: by its outline, or by their font size and weight."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.ingest.clean import REDACTED, match_key
from rag.ingest.pdf.lines import Line

SENTENCE_END = re.compile(r"[.?!:;][”\"’')\]]*$")
"""Matches the closing punctuation at the end of a line."""

_MAX_HEADING = 250
_LARGER = 1.12
FontStyle = tuple[float, bool]
"""Font size, rounded to half a point, and boldness: headings of one style have one level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """An entry of a PDF's outline. ``level`` counts from 1, ``page`` from 0; ``y`` is its height on the page."""

    title: str
    level: int
    page: int
    y: float | None


@dataclass(slots=True, kw_only=True)
class LineGroup:
    """Consecutive lines that make one heading (``level`` from 1) or belong to running text (0)."""

    lines: list[Line]
    level: int = 0


def group_lines(pages: Sequence[Sequence[Line]], bookmarks: Sequence[Bookmark], size: float) -> list[LineGroup]:
    """Group the lines of ``pages`` into headings and running text.

    A heading is a line that the outline names, or one that is larger or bolder than the body. Its level is the
    outline's; font styles that the outline does not use are ranked by size.

    Args:
        size: the font size of the body in points.
    """
    groups = [group for number, lines in enumerate(pages) for group in _outline_headings(lines, number, bookmarks)]
    levels = _style_levels(groups, size)
    grouped: list[LineGroup] = []
    for group in groups:
        grouped += [group] if group.level else _style_headings(group.lines, levels, size)
    return grouped


def _outline_headings(lines: Sequence[Line], page: int, bookmarks: Sequence[Bookmark]) -> Iterator[LineGroup]:
    """Yield the lines of a page with the headings that its bookmarks name; text after a heading is split off."""
    matches: list[tuple[int, int, int, Bookmark]] = []
    for bookmark in (bookmark for bookmark in bookmarks if bookmark.page == page):
        candidates = [match for start in range(len(lines)) if (match := _match_title(lines, start, bookmark.title))]
        free = [match for match in candidates if all(match[0] > other[1] or match[1] < other[0] for other in matches)]
        if free:
            # A bookmark usually points to the top of its heading's line.
            y = bookmark.y - 14 if bookmark.y is not None else None
            best = min(free, key=lambda match: abs(lines[match[0]].y - y) if y is not None else match[0])
            matches.append((*best, bookmark))
    done = 0
    for start, stop, cut, bookmark in sorted(matches, key=lambda match: match[:3]):
        if start > done:
            yield LineGroup(lines=list(lines[done:start]))
        rest = lines[stop].text[cut:].strip()
        heading = [replace(line) for line in lines[start:stop]]
        yield LineGroup(lines=[*heading, replace(lines[stop], text=lines[stop].text[:cut])], level=bookmark.level)
        done = stop + 1
        if match_key(rest):
            yield LineGroup(lines=[replace(lines[stop], text=rest, bold=False)])
    if done < len(lines):
        yield LineGroup(lines=list(lines[done:]))


def _match_title(lines: Sequence[Line], start: int, title: str) -> tuple[int, int, int] | None:
    """Find ``title`` at the beginning of line ``start``, after an optional number, which outlines often leave out.

    Returns:
        ``(first line, last line, end offset in the last line)``, or None.
    """
    wanted = match_key(title)
    text = ""
    for stop in range(start, min(start + 4, len(lines))):
        text += match_key(lines[stop].text)
        at = text.find(wanted)
        if at >= 0:
            prefix = re.match(
                r"\W*(?:(?:chapter|section|part|appendix)\s+)?[\w.]{1,8}?[.):\s]", lines[start].text, re.I
            )
            if at > len(match_key(prefix.group()) if prefix else ""):
                return None
            letters = at + len(wanted) - (len(text) - len(match_key(lines[stop].text)))
            return start, stop, _offset_after(lines[stop].text, letters)
        if len(text) > len(wanted) + 12:
            return None
    return None


def _offset_after(text: str, letters: int) -> int:
    """Return the offset after the first ``letters`` letters and digits of ``text`` and the punctuation that follows."""
    for index, char in enumerate(text):
        if letters <= 0:
            return index + len(re.match(r"[”\"’')\].:]*", text[index:]).group())  # type: ignore[union-attr]
        letters -= len(match_key(char))
    return len(text)


def _style_of(line: Line) -> FontStyle:
    return round(2 * line.size) / 2, line.bold


def _style_levels(groups: Sequence[LineGroup], size: float) -> dict[FontStyle, int]:
    """Return the heading level of each font style that headings use."""
    votes: dict[FontStyle, Counter[int]] = {}
    styles: set[FontStyle] = set()
    for group in groups:
        for line in group.lines:
            if group.level:
                votes.setdefault(_style_of(line), Counter())[group.level] += 1
            elif _is_emphasised(line, size):
                styles.add(_style_of(line))
    known = {style: counts.most_common(1)[0][0] for style, counts in votes.items()}
    levels: dict[FontStyle, int] = {}
    for style in sorted(styles | set(known), reverse=True):
        above = max((level for other, level in levels.items() if other > style), default=0)
        levels[style] = known.get(style, above + 1)
    return levels


def _is_emphasised(line: Line, size: float) -> bool:
    return not line.aside and (line.size >= _LARGER * size or (line.bold and line.size >= 0.97 * size))


def _style_headings(lines: Sequence[Line], levels: dict[FontStyle, int], size: float) -> Iterator[LineGroup]:
    """Yield running lines in groups of one level; emphasised groups are headings if :func:`_is_heading` says so."""
    group: list[Line] = []
    level = 0
    for line in [*lines, None]:
        line_level = levels.get(_style_of(line), 0) if line is not None and _is_emphasised(line, size) else 0
        continues = (
            group
            and line is not None
            and line_level == level
            and not (line_level and abs(group[-1].y - line.y) > 2.2 * line.size)
        )
        if not continues and group:
            yield LineGroup(lines=group, level=level if level and _is_heading(group, size) else 0)
            group = []
        level = line_level
        if line is not None:
            group.append(line)


def _is_heading(lines: Sequence[Line], size: float) -> bool:
    """Whether emphasised lines are short enough for a heading and, unless larger than the body, not a sentence."""
    text = " ".join(line.text for line in lines)
    if len(text) > _MAX_HEADING or not match_key(text.replace(REDACTED, "")):
        return False
    return lines[0].size >= _LARGER * size or not SENTENCE_END.search(text)
