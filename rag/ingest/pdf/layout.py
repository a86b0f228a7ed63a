"""Lines of a PDF → headings and paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.ingest.blocks import Block
from rag.ingest.clean import PAGE, REDACTED, join_lines, key, vocabulary
from rag.ingest.pdf.lines import Line

_BULLET = re.compile(r"[•◦▪‣·●–*-]\s+\S|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]\s+\S")
_DOT = re.compile(rf"({PAGE}*)[•◦▪‣·●]\s+(?=\S)")
_ENDS = re.compile(r"[.?!:;][”\"’')\]]*$")
_MAX_HEADING = 250
Look = tuple[float, bool]
"""Size, rounded to half a point, and boldness: lines of one look are headings of one level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """An entry of a PDF's outline. ``level`` and ``page`` count from 1 and 0; ``y`` is its place on the page."""

    title: str
    level: int
    page: int
    y: float | None


@dataclass(slots=True, kw_only=True)
class Group:
    """Consecutive lines that make one heading (``level`` from 1) or stand in running text (0)."""

    lines: list[Line]
    level: int = 0


def arrange(pages: Sequence[Sequence[Line]], bookmarks: Sequence[Bookmark], size: float) -> list[Block]:
    """The body lines of each page as blocks with page marks; ``size`` is the body's.

    A heading is what the outline names or what is set larger or bolder than the body. Its level is the
    outline's; a look that the outline does not know is ranked by size.
    """
    groups = _mark_headings(pages, bookmarks, size)
    known = vocabulary(line.text for group in groups for line in group.lines)
    leading = _leading(groups)
    blocks: list[Block] = []
    page = 0
    margins = _margins(pages)
    paragraph: list[Line] = []
    captions: list[Line] = []

    def close() -> None:
        for lines in (paragraph, captions):
            if lines:
                _append(blocks, marked(lines))
                lines.clear()

    def marked(lines: Sequence[Line]) -> str:
        nonlocal page
        written = []
        for line in lines:
            written.append(PAGE * (line.page - page) + line.text)
            page = max(page, line.page)
        return join_lines(written, known)

    for group in groups:
        if group.level:
            close()
            blocks.append(Block(text=marked(group.lines), level=group.level))
            continue
        for line in group.lines:
            if paragraph and _is_caption(line, paragraph[-1], captions, size):
                captions.append(line)
                continue
            if paragraph and _begins(line, paragraph, leading, margins):
                close()
            paragraph.append(line)
    close()
    return [*blocks, Block(text=PAGE * max(0, len(pages) - 1 - page))]


def _is_caption(line: Line, last: Line, captions: Sequence[Line], size: float) -> bool:
    """Whether ``line`` belongs to a figure at the head of a page that a paragraph runs past: it goes behind that."""
    small = line.size < 0.93 * size <= last.size and key(line.text) != ""
    if captions:
        return small and line.page == captions[-1].page and line.y > captions[-1].y - 2 * line.size
    return small and line.page == last.page + 1 and not _ENDS.search(last.text)


def _append(blocks: list[Block], text: str) -> None:
    """Add a paragraph; the items of a list are lines of one."""
    item = _DOT.match(text)
    text = _DOT.sub(r"\1- ", text)
    if item and blocks and not blocks[-1].level and blocks[-1].text.lstrip(PAGE).startswith("- "):
        blocks[-1] = Block(text=f"{blocks[-1].text}\n{text}")
    else:
        blocks.append(Block(text=text))


def _begins(line: Line, paragraph: Sequence[Line], leading: float, margins: Sequence[tuple[float, float]]) -> bool:
    """Whether ``line`` opens a new paragraph after those of ``paragraph``."""
    last = paragraph[-1]
    before_left, before_right = margins[last.page]
    indent, before = line.x0 - margins[line.page][0], last.x0 - before_left
    ended = bool(_ENDS.search(last.text)) and last.x1 - before_left < 0.93 * (before_right - before_left)
    if _BULLET.match(line.text) and (indent > 4 or _BULLET.match(paragraph[0].text)):
        return True
    drop = last.y - line.y
    if line.page != last.page or drop < 0:  # a new page or column: only the indent and the last line's end tell
        return ended or bool(_ENDS.search(last.text) and indent > 6 and indent > before + 4)
    resized = REDACTED not in (line.text, last.text) and abs(line.size - last.size) > 0.11 * last.size
    hangs = bool(_BULLET.match(paragraph[0].text)) and len(paragraph) == 1
    indented = indent > before + 6 and not hangs
    back = len(paragraph) > 1 and before > indent + 6 and abs(paragraph[-2].x0 - last.x0) < 4
    short = ended and last.x1 - before_left < 0.8 * (before_right - before_left)
    return drop > 1.35 * leading or resized or indented or back or short


def _leading(groups: Sequence[Group]) -> float:
    """The usual distance of two baselines."""
    steps: Counter[float] = Counter()
    for group in groups:
        for above, below in zip(group.lines, group.lines[1:], strict=False):
            if above.page == below.page and 0 < above.y - below.y < 4 * above.size:
                steps[round(2 * (above.y - below.y)) / 2] += 1
    return steps.most_common(1)[0][0] if steps else 14.0


def _margins(pages: Sequence[Sequence[Line]]) -> list[tuple[float, float]]:
    """Left and right edge of the text of each page: where most of its lines begin, and where they reach."""
    edges = []
    for lines in pages:
        starts = Counter(round(line.x0 / 3) for line in lines)
        common = max(starts.values(), default=0)
        left = min((3.0 * x for x, count in starts.items() if count >= max(2, common // 4)), default=0.0)
        edges.append((left, max((line.x1 for line in lines), default=0.0)))
    return edges


def _mark_headings(pages: Sequence[Sequence[Line]], bookmarks: Sequence[Bookmark], size: float) -> list[Group]:
    groups = [group for number, lines in enumerate(pages) for group in _named(lines, number, bookmarks)]
    levels = _levels(groups, size)
    marked: list[Group] = []
    for group in groups:
        marked += [group] if group.level else _by_look(group.lines, levels, size)
    return marked


def _named(lines: Sequence[Line], number: int, bookmarks: Sequence[Bookmark]) -> Iterator[Group]:
    """The lines of a page, those that its bookmarks name apart; a heading that runs into text is split off."""
    waiting = list(lines)
    here = [bookmark for bookmark in bookmarks if bookmark.page == number]
    places: list[tuple[int, int, int, Bookmark]] = []
    for bookmark in here:
        found = [match for start in range(len(waiting)) if (match := _match(waiting, start, bookmark.title))]
        free = [match for match in found if all(match[0] > place[1] or match[1] < place[0] for place in places)]
        if free:
            aim = bookmark.y - 14 if bookmark.y is not None else None
            best = min(free, key=lambda match: abs(waiting[match[0]].y - aim) if aim is not None else match[0])
            places.append((*best, bookmark))
    done = 0
    for start, stop, cut, bookmark in sorted(places, key=lambda place: place[:3]):
        if start > done:
            yield Group(lines=waiting[done:start])
        rest = waiting[stop].text[cut:].strip()
        heading = [_copy(line, line.text) for line in waiting[start:stop]]
        yield Group(lines=[*heading, _copy(waiting[stop], waiting[stop].text[:cut])], level=bookmark.level)
        done = stop + 1
        if key(rest):
            yield Group(lines=[_copy(waiting[stop], rest, bold=False)])
    if done < len(waiting):
        yield Group(lines=waiting[done:])


def _match(lines: Sequence[Line], start: int, title: str) -> tuple[int, int, int] | None:
    """``(first line, last line, end in the last line)`` of ``title`` if it begins in line ``start``.

    A number or letter may stand before it, which outlines often leave out.
    """
    wanted = key(title)
    text = ""
    for stop in range(start, min(start + 4, len(lines))):
        text += key(lines[stop].text)
        at = text.find(wanted)
        if at >= 0:
            prefix = re.match(
                r"\W*(?:(?:chapter|section|part|appendix)\s+)?[\w.]{1,8}?[.):\s]", lines[start].text, re.I
            )
            if at > len(key(prefix.group()) if prefix else ""):
                return None
            return start, stop, _cut(lines[stop].text, at + len(wanted) - (len(text) - len(key(lines[stop].text))))
        if len(text) > len(wanted) + 12:
            return None
    return None


def _cut(text: str, letters: int) -> int:
    """The offset behind the first ``letters`` letters and digits of ``text`` and the closing marks that follow."""
    for place, char in enumerate(text):
        if letters <= 0:
            return place + len(re.match(r"[”\"’')\].:]*", text[place:]).group())  # type: ignore[union-attr]
        letters -= len(key(char))
    return len(text)


def _copy(line: Line, text: str, *, bold: bool | None = None) -> Line:
    return replace(line, text=text, bold=line.bold if bold is None else bold)


def _look(line: Line) -> Look:
    return round(2 * line.size) / 2, line.bold


def _levels(groups: Sequence[Group], size: float) -> dict[Look, int]:
    """The level of each look that is a heading's."""
    votes: dict[Look, Counter[int]] = {}
    looks: set[Look] = set()
    for group in groups:
        for line in group.lines:
            if group.level:
                votes.setdefault(_look(line), Counter())[group.level] += 1
            elif _stands_out(line, size):
                looks.add(_look(line))
    known = {look: counts.most_common(1)[0][0] for look, counts in votes.items()}
    levels: dict[Look, int] = {}
    for look in sorted(looks | set(known), reverse=True):
        above = max((level for other, level in levels.items() if other > look), default=0)
        levels[look] = known.get(look, above + 1)
    return levels


def _stands_out(line: Line, size: float) -> bool:
    return line.size >= 1.12 * size or (line.bold and line.size >= 0.97 * size)


def _by_look(lines: Sequence[Line], levels: dict[Look, int], size: float) -> Iterator[Group]:
    """Running lines, those apart that stand out: short, on lines of their own, no sentence."""
    run: list[Line] = []
    level = 0
    for line in [*lines, None]:
        mine = levels.get(_look(line), 0) if line is not None and _stands_out(line, size) else 0
        follows = (
            run and line is not None and (mine == level) and not (mine and abs(run[-1].y - line.y) > 2.2 * line.size)
        )
        if not follows and run:
            yield Group(lines=run, level=level if level and _is_heading(run, size) else 0)
            run = []
        level = mine
        if line is not None:
            run.append(line)


def _is_heading(lines: Sequence[Line], size: float) -> bool:
    text = " ".join(line.text for line in lines)
    if len(text) > _MAX_HEADING or not key(text.replace(REDACTED, "")):
        return False
    return lines[0].size >= 1.12 * size or not _ENDS.search(text)
