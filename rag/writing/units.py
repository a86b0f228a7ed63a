"""The units of a passage that can become evidence sentences: sentences, list items and table rows.

A list item is a line that opens with a mark. Items that are no sentences are one unit with what introduces them, since
an item alone reads as if it were the whole list: "Typical uses are: cleansing HTML data; dropping duplicates." A list
that is too long for a sentence is divided, and each part has the introduction. A table row is a line of cells that
semicolons separate, under the first such line: "Version: 3.12; Date: 2023."
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.text import FUNCTION_WORDS, MARKS, cell_spans, header_cells, is_code, split_cells, split_sentences, words_of

_PARAGRAPH = re.compile(r"\S(?:.|\n(?!\s*\n))*")
_LINE = re.compile(r"[^\n]+")
_MARK = re.compile(rf"\s*(?:[{MARKS}]|\(?\d{{1,3}}\\?[.)]|\(?[a-z][.)])\s+(?=\S)")
_UNFINISHED = re.compile(r"\w[\"”’')\]`*]*\Z")
_LINE_BELOW = re.compile(r"[^\S\n]*\n\s*?^(.*\S)", re.MULTILINE)
_FULL_STOP = re.compile(r"(?<!\betc)(?<!\.\w)(?<!\.)\.$")
"""The full stop of an item that is no part of an abbreviation: "etc.", "U.S.", "…"."""

_STOP = re.compile(r"[.!?][\"”’')\]`]*$")
_LABEL = re.compile(r"(?:[A-Z][A-Z/&-]+(?: (?:[A-Z/&-]{2,}|AND|OF))*:?|[A-Z][a-z]+:)\s+(?=[A-Z])")
_ABSTRACT_LABELS = frozenset(
    "background objective objectives aim aims purpose introduction context importance rationale hypothesis design "
    "setting settings participants patients population methods method materials intervention interventions main "
    "measurements outcome outcomes results result findings interpretation conclusion conclusions limitations "
    "significance summary funding and of measures study data sources selection".split()
)
"""Words of which the labels in structured abstracts consist (the headings of IMRAD and of medical journals)."""

MIN_COLUMNS, MAX_COLUMNS = 2, 6
"""Cells of a table's row that is a unit."""

MAX_INTRODUCTION_WORDS = 45
"""Length of the sentence that introduces a list, beyond which it is not put before the items."""

MAX_LIST_WORDS = 75
"""Length of a unit of list items, the introduction included, from which a further item opens another unit; a table's
row that is longer is no unit, but the sentences of its cells are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit at ``text[start:end]`` of a passage.

    ``text`` is what it says alone: for items that are no sentences with the words that introduce their list, for a row
    with the names of its columns. ``whole`` says that these are the words of the span and nothing else.
    """

    start: int
    end: int
    text: str
    whole: bool = True


def evidence_units(text: str, columns: str = "") -> Iterator[Unit]:
    """Yield the units of ``text``, in order; code has none.

    Args:
        columns: the header of the table that ``text`` begins in the middle of (``Chunk.columns``).
    """
    introduction = None
    for paragraph in _PARAGRAPH.finditer(text):
        if is_code(text, paragraph.start()):
            continue
        lines = [
            (paragraph.start() + line.start(), paragraph.start() + line.end()) for line in _LINE.finditer(paragraph[0])
        ]
        if any(_is_item(text, start) for start, _ in lines):
            yield from _list_units(text, lines, introduction)
        elif header := _columns(text, lines, columns):
            if len(split_cells(text[slice(*lines[0])])) < len(header):  # perhaps the rest of a row that was cut
                yield from _sentences(text, *lines[0])
                lines = lines[1:]
            yield from _rows(text, lines, header)
        elif not columns and (header := _header(text, lines)):
            yield from _rows(text, lines[1:], header)
        else:
            yield from _sentences(text, paragraph.start(), paragraph.end())
        introduction, columns = _introduction(text, lines), ""


def is_unfinished_line(text: str, unit: Unit) -> bool:
    """Whether ``unit`` is a line of ``text`` that could end with a full stop and has no mark, as in minutes and lists.

    The last words of a line with other sentences are none, since they may be cut off, nor is a line that introduces a
    list or code, or ends with a function word. Whether it states something is not judged here: of 1,820 labelled lines
    of 14 collections it takes 84 % of the 764 statements and 94 % of the others (titles, names, agenda items; precision
    .39), which the sentence model tells apart (``rag/writing/rating.py``).
    """
    words = text[unit.start : unit.end]
    if not unit.whole or "\n" in words or not _UNFINISHED.search(words):
        return False
    opens = text.rfind("\n", 0, unit.start) + 1
    mark = _MARK.match(text, opens)
    if text[mark.end() if mark else opens : unit.start].strip() or words_of(words)[-1].lower() in FUNCTION_WORDS:
        return False
    following = _LINE_BELOW.match(text, unit.end)
    if following is None or _is_item(text, opens):
        return True
    return not (is_code(text, following.start(1)) or _is_item(text, following.start(1)))


def _is_item(text: str, start: int) -> bool:
    return _MARK.match(text, start) is not None


def _list_units(text: str, lines: Sequence[tuple[int, int]], introduction: Unit | None) -> Iterator[Unit]:
    items: list[Unit] = []
    for start, end in _blocks(text, lines):
        mark = _MARK.match(text, start)
        if mark is None:
            yield from _joined(items, introduction)
            items, introduction = [], _introduction(text, [(start, end)])
            yield from _sentences(text, start, end)
            continue
        first, *others = [_unit(text, mark.end() + a, mark.end() + b) for a, b in _spans(text[mark.end() : end])] or [
            _unit(text, mark.end(), end)
        ]
        if _is_sentence(first.text) or introduction is None:
            yield from _joined(items, introduction)
            items = []
            yield first
        else:
            items.append(first)
        if others:
            yield from _joined(items, introduction)
            items = []
            yield from others
    yield from _joined(items, introduction)


def _blocks(text: str, lines: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans of items and of what stands before the first one; a line without a mark goes on with an item."""
    blocks: list[tuple[int, int]] = []
    for start, end in lines:
        if blocks and not _is_item(text, start):
            blocks[-1] = (blocks[-1][0], end)
        else:
            blocks.append((start, end))
    return blocks


def _joined(items: Sequence[Unit], introduction: Unit | None) -> Iterator[Unit]:
    """Yield ``items`` as units with the ``introduction`` of their list; the first one has its span, too."""
    if introduction is None:
        yield from items
        return
    waiting = list(items)
    while waiting:
        is_first = len(waiting) == len(items)
        group = [waiting.pop(0)]
        words = len(introduction.text.split()) + len(group[0].text.split())
        while waiting and words + len(waiting[0].text.split()) <= MAX_LIST_WORDS:
            group.append(waiting.pop(0))
            words += len(group[-1].text.split())
        listed = "; ".join(_without_ending(each.text) for each in group)
        text = f"{introduction.text} {listed}"
        text = text if _STOP.search(text) else f"{text}."
        start = introduction.start if is_first else group[0].start
        yield Unit(start=start, end=group[-1].end, text=text, whole=False)


def _without_ending(item: str) -> str:
    """Return ``item`` without what joins it with the next one, "…, and", or parts it from it, its full stop."""
    item = item.rstrip(" ,;")
    for ending in (" and", " or"):
        item = item.removesuffix(ending).rstrip(" ,;")
    return _FULL_STOP.sub("", item)


def _is_sentence(text: str) -> bool:
    return bool(_STOP.search(text)) and text[:1].isupper()


def _introduction(text: str, lines: Sequence[tuple[int, int]]) -> Unit | None:
    """Return the last sentence of the lines if it introduces a list: it ends with a colon or without a mark."""
    if not lines or any(_is_item(text, start) for start, _ in lines):
        return None
    spans = split_sentences(text[lines[0][0] : lines[-1][1]])
    if not spans:
        return None
    last = _unit(text, lines[0][0] + spans[-1][0], lines[0][0] + spans[-1][1])
    introduces = last.text.endswith(":") or not _STOP.search(last.text)
    return last if introduces and 1 < len(last.text.split()) <= MAX_INTRODUCTION_WORDS else None


def _unit(text: str, start: int, end: int) -> Unit:
    return Unit(start=start, end=end, text=_plain(text[start:end]))


def _header(text: str, lines: Sequence[tuple[int, int]]) -> list[str]:
    """Return the names of the columns if the lines are the rows of a table of a few columns."""
    header = header_cells([text[start:end] for start, end in lines])
    return header if MIN_COLUMNS <= len(header) <= MAX_COLUMNS else []


def _columns(text: str, lines: Sequence[tuple[int, int]], columns: str) -> list[str]:
    """Return the names in ``columns`` if the lines are rows below them."""
    return _header(f"{columns}\n{text}", [(0, len(columns)), *_shifted(lines, len(columns) + 1)]) if columns else []


def _shifted(spans: Sequence[tuple[int, int]], by: int) -> list[tuple[int, int]]:
    return [(start + by, end + by) for start, end in spans]


def _rows(text: str, lines: Sequence[tuple[int, int]], header: Sequence[str]) -> Iterator[Unit]:
    for start, end in lines:
        cells = split_cells(text[start:end])
        if not 1 < len(cells) <= len(header):  # a row of one cell, or one with a semicolon in a cell
            yield from _sentences(text, start, end)
            continue
        named = (f"{name}: {cell}" if name else cell for name, cell in zip(header, cells, strict=False) if cell)
        row = f"{'; '.join(named).rstrip('.')}."
        if len(row.split()) <= MAX_LIST_WORDS:
            yield Unit(start=start, end=end, text=row, whole=False)
            continue
        for a, b in cell_spans(text[start:end]):
            yield from _sentences(text, start + a, start + b)


def _sentences(text: str, start: int, end: int) -> Iterator[Unit]:
    for a, b in _spans(text[start:end]):
        first = start + a + _label(text[start + a : start + b])
        yield Unit(start=first, end=start + b, text=_plain(text[first : start + b]))


def _spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of sentences, joined where a mark within code ended one: "`debug_assert!` is …", "the ? of"."""
    joined: list[tuple[int, int]] = []
    for start, end in split_sentences(text):
        if joined and text[joined[-1][1] - 1] in "!?`" and (text[start].islower() or text[start] in "(`"):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _label(sentence: str) -> int:
    """Return the length of the label of a structured abstract that opens ``sentence``: "METHODS We …"."""
    label = _LABEL.match(sentence)
    if label is None:
        return 0
    words = re.findall(r"[a-z]+", label[0].lower())
    return label.end() if words and all(word in _ABSTRACT_LABELS for word in words) else 0


def _plain(text: str) -> str:
    return " ".join(text.split())
