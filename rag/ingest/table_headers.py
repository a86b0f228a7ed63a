"""Find the rows of a table of cells that name its columns.

A header is a row of labels above rows of values. The kinds of the cells tell it: words above numbers or dates, years
above numbers that are no years. In a table of nothing but words it is told by its place and its cells: the first full
row, whose cells are short, differ, and do not come again below. Where neither holds no header is assumed: a value
under the name of another column would be false.

Measured on 82 sheets of public repositories (CSV, TSV, XLSX, XLS, ODS; budgets, statistics, inventories, forms) that
were labelled after the rules and the thresholds were set: 70 have the right headers (the first full row, as it was
taken before: 61), 181 of 162,916 cells below headers are named wrongly (6,460), and 3,248 are left without a name
(27), nearly all of them in one sheet with a header of three lines in which numbers stand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.ingest.cells import YEAR, CellKind, TableRow, cell_at, filled, kind_of, kinds_of_columns

_BODY = 30
"""Rows below a row that are compared with it."""
_BLOCK = 3
"""Rows from which on an empty row ends what is compared; rows of numbers below which no first header is looked for."""
_SEARCHED = 15
"""Rows in which a header of labels above values is looked for before one of words above words is taken."""
_LINES = 4
"""Lines that a header has at most."""
_FULL = 0.75
"""Share of the usual number of cells that a header of words has at least."""
_LABEL_WORDS = 10
"""Words that a label of a header of words, or of a line above it, has at most."""
_NO_LABEL = re.compile(r"://|@\w|[.!?。:：]$")
_FIELD = re.compile(r"[:：]$")
"""The name of a field, whose value stands beside it."""


@dataclass(frozen=True, slots=True)
class TableHeader:
    """A header: its lines, the names that they give to columns, and what the columns below it hold."""

    lines: range
    names: dict[int, str]
    kinds: dict[int, CellKind]

    @property
    def values(self) -> list[int]:
        """The columns of numbers and dates."""
        return [column for column, kind in self.kinds.items() if kind is not CellKind.TEXT]


def find_header(rows: Sequence[TableRow], start: int, end: int, *, expected: bool = False) -> TableHeader | None:
    """Return the first header in ``rows[start:end]``, or None. The rows below it may reach beyond ``end``.

    Args:
        expected: whether there is one unless its cells speak against it, as in a CSV file. Elsewhere two columns of
            words may be names and values, of which each row is one record.
    """
    places = list(_searched(rows, start, end))
    for at in places:
        if is_labels(rows, at):
            return _extended(rows, at, start)
    for at in places:
        if _is_words(rows, at, expected=expected):
            return TableHeader(range(at, at + 1), _names(rows[at]), kinds_of_columns(_below(rows, at)))
    return None


def _searched(rows: Sequence[TableRow], start: int, end: int) -> Iterator[int]:
    """Yield the rows that may be the first header: those before a few rows of numbers, which would stand below it."""
    numbers = 0
    for at in range(start, min(end, start + _SEARCHED)):
        if filled(rows[at]):
            yield at
        numbers += sum(kind_of(cell) is CellKind.NUMBER for cell in rows[at]) > 0
        if numbers == _BLOCK:
            return


def find_next_header(header: TableHeader, rows: Sequence[TableRow], start: int, end: int) -> TableHeader | None:
    """Return the first header in ``rows[start:end]``, which follow ``header``: its row again, or labels above values.

    One row of a table may lack its numbers, so that labels are to stand above two columns of values, or at the start.
    """
    again = _names(rows[header.lines[-1]])
    values = set(header.values)
    for at in range(start, end):
        row = rows[at]
        if _names(row) == again and len(again) > 1:
            return _extended(rows, at, start)
        if any(kind_of(cell) is CellKind.NUMBER for cell in row):
            continue
        labels = [column for column in filled(row) if kind_of(row[column]) is not CellKind.EMPTY]
        enough = len(values.intersection(labels)) > 1 or (at == start and len(labels) > 1)
        if enough and len(_below(rows, at)) > 1 and is_labels(rows, at) and not _comes_again(rows, at, values):
            return _extended(rows, at, start)
    return None


def is_labels(rows: Sequence[TableRow], at: int) -> bool:
    """Whether the row has labels above values, over half of the columns of values, and no value itself."""
    row, body = rows[at], _below(rows, at)
    if len(filled(row)) < 2 and not (at == 0 or filled(rows[at - 1]) in ([], [0])):
        return False
    if len(filled(row)) < 2 and not (filled(row) == [0] and len(body) > 1 and all(len(filled(r)) < 2 for r in body)):
        return _names_one_column(row, body)
    if any(_FIELD.search(cell_at(row, column)) for column in filled(row)):
        return False
    kinds = kinds_of_columns(body)
    if max(len(filled(other)) for other in [row, *body]) == 2 and not _is_list_of_pairs(rows, at, body):
        return False
    values = [column for column, kind in kinds.items() if kind is not CellKind.TEXT]
    scale = _is_scale(row, body)
    for column in filled(row):
        kind = kind_of(row[column])
        if not scale and (kind is CellKind.NUMBER or (kind is CellKind.DATE and kinds.get(column) is CellKind.DATE)):
            return False
    labels = sum(kind_of(cell_at(row, column)) is not CellKind.EMPTY for column in values)
    return labels > 0 and 2 * labels > len(values)


def _comes_again(rows: Sequence[TableRow], at: int, columns: set[int]) -> bool:
    """Whether words of the row stand in the same column of a row nearby: they are a remark in place of a number."""
    near = [row for n, row in enumerate(rows[max(0, at - _BODY) : at + _BODY], max(0, at - _BODY)) if n != at]
    words = {column: cell_at(rows[at], column) for column in columns if cell_at(rows[at], column)}
    return any(cell_at(row, column) == word for row in near for column, word in words.items())


def _names(row: TableRow) -> dict[int, str]:
    return {column: cell_at(row, column) for column in filled(row)}


def _is_list_of_pairs(rows: Sequence[TableRow], at: int, body: Sequence[TableRow]) -> bool:
    """Whether two columns begin below the row, and the second is of one kind: names of a form have values of many."""
    kinds = {kind for other in body if len(cells := filled(other)) > 1 and (kind := kind_of(other[cells[-1]]))}
    begins = at == 0 or len(filled(rows[at - 1])) < 2
    return begins and len(body) > 1 and bool(filled(rows[at + 1])) and len(kinds - {CellKind.EMPTY}) == 1


def _names_one_column(row: TableRow, body: Sequence[TableRow]) -> bool:
    """Whether the only cell of ``row`` is the label of the only column of values, beside a column without a name."""
    columns = filled(row)
    kinds = kinds_of_columns(body)
    return (
        len(columns) == 1
        and columns[0] == max(kinds, default=-1) > 0
        and kinds[columns[0]] is CellKind.NUMBER
        and kind_of(row[columns[0]]) in {CellKind.TEXT, CellKind.DATE}
        and list(kinds.values()).count(CellKind.TEXT) == len(kinds) - 1
    )


def _is_scale(row: TableRow, body: Sequence[TableRow]) -> bool:
    """Whether the numbers of ``row`` rise by equal steps, beside a column of words, as no row below."""

    def steps(cells: TableRow) -> set[float]:
        numbers = [cell.strip() for cell in cells if kind_of(cell) in {CellKind.NUMBER, CellKind.DATE}]
        if len(numbers) < 3 or not all(re.fullmatch(r"\d+(\.\d+)?", number) for number in numbers):
            return set()
        return {round(float(b) - float(a), 6) for a, b in pairwise(numbers)}

    first = filled(row)[0]
    beside = kind_of(row[first]) is CellKind.TEXT or first > min((min(filled(other)) for other in body), default=first)
    return beside and len(found := steps(row)) == 1 and found != {0} and found != steps(body[0] if body else ())


def _below(rows: Sequence[TableRow], at: int, *, past_same: bool = False) -> list[TableRow]:
    """Return the filled rows after ``at`` that are compared with it.

    They end at an empty row below some of them and, unless ``past_same``, before the same row again: a second header.
    """
    body: list[TableRow] = []
    for row in rows[at + 1 : at + 1 + 2 * _BODY]:
        if (
            len(body) == _BODY
            or (len(body) >= _BLOCK and not filled(row))
            or (body and row == rows[at] and not past_same)
        ):
            break
        if filled(row):
            body.append(row)
    return body


def _is_words(rows: Sequence[TableRow], at: int, *, expected: bool) -> bool:
    """Whether the row may name columns of words: it is full, and its cells are short, differ and do not come again."""
    body = _below(rows, at, past_same=True)
    cells = [cell_at(rows[at], column) for column in filled(rows[at])]
    widths = sorted(len(filled(row)) for row in body)
    if len(body) < (1 if expected else 2) or len(cells) < 2 or len(cells) < _FULL * widths[len(widths) // 2]:
        return False
    if at > 0 and len(filled(rows[at - 1])) >= len(cells):
        return False
    if len({cell.casefold() for cell in cells}) < len(cells) or any(
        kind_of(cell) is not CellKind.TEXT for cell in cells
    ):
        return False
    if not all(map(_is_label, cells)):
        return False
    columns = {c: [word for row in body if (word := cell_at(row, c))] for c in filled(rows[at])}
    if any(cell_at(rows[at], column).casefold() in map(str.casefold, words) for column, words in columns.items()):
        return False
    if any(
        column not in columns and len(filled([cell_at(row, column) for row in body])) > 1
        for column in range(1, max(map(len, body)))
    ):
        return False
    if all(_is_code_as(rows[at][column], words) for column, words in columns.items()):
        return False
    return expected or len(cells) > 2 or any(_differs(cell_at(rows[at], c), words) for c, words in columns.items())


def _differs(cell: str, others: Sequence[str]) -> bool:
    """Whether ``others`` come again, or have in common what ``cell`` has not: a digit, or nothing but capitals."""
    return (
        len(set(others)) < len(others)
        or (all(re.search(r"\d", other) for other in others) and not re.search(r"\d", cell))
        or (all(other.isupper() for other in others) and not cell.isupper())
    )


def _is_code_as(cell: str, others: Sequence[str]) -> bool:
    """Whether a cell with digits has the form of all ``others``, as "B3" above "B4": it is no label of theirs."""

    def form(word: str) -> str:
        return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", word.strip()))

    return "0" in form(cell) and all(form(other) == form(cell) for other in others)


def _extended(rows: Sequence[TableRow], at: int, start: int) -> TableHeader:
    """Return the header whose last line is the last row of labels above the first value, with the lines above it."""
    last = at
    for below in range(at + 1, min(len(rows), at + 2 * _LINES)):
        if any(kind_of(cell) is CellKind.NUMBER for cell in rows[below]):
            break
        if is_labels(rows, below) and not _comes_again(rows, below, set(filled(rows[below])[1:])):
            last = below
    first = last
    while first > max(start, last - _LINES + 1) and filled(rows[first - 1]) not in ([], [0]):
        if any(kind_of(cell) is CellKind.NUMBER for cell in rows[first - 1]):
            break
        first -= 1
    return _header(rows, range(first, last + 1), kinds_of_columns(_below(rows, last)))


def _header(rows: Sequence[TableRow], lines: range, kinds: dict[int, CellKind]) -> TableHeader:
    """Return the header whose last line is the last of ``lines``, with those above it that are lines of it too."""
    at = lines[-1]
    names = _names(rows[at])
    for above in reversed(lines[:-1]):
        if not (groups := _groups(rows[above], names, kinds)):
            return TableHeader(range(above + 1, at + 1), names, kinds)
        for column, group in groups.items():
            names[column] = f"{group} {names[column]}" if column in names else group
    return TableHeader(lines, names, kinds)


def _groups(row: TableRow, names: dict[int, str], kinds: dict[int, CellKind]) -> dict[int, str]:
    """Return what a line above ``names`` adds to each of them: nothing if it is a title.

    A cell belongs to its own column. It belongs to those on its right too, up to the next cell, if there is one above
    the first column of values, and the cells are few or the names below come again (else they are words of one name
    in two lines); or to its run of columns, if as many runs as cells stand apart, one cell above each.
    A cell alone above the first or the last column of values is a title, unless it is short and tells a year.
    """
    values = sorted(column for column, kind in kinds.items() if kind is not CellKind.TEXT and column in names)
    words = _names(row)
    above = {column: words[column] for column in values if column in words}
    if not above or not all(map(_is_label, words.values())):
        return {}
    if len(above) == 1:
        ((column, word),) = above.items()
        has_years = any(YEAR.search(names[column]) for column in values)
        tells_year = column in {values[0], values[-1]} and YEAR.search(word) and not has_years
        return words | dict.fromkeys(values, word) if tells_year else {}
    if values[0] in above:
        times = Counter(names[column] for column in values)
        covered = [c for c in values if c in above or 2 * len(above) <= len(values) or times[names[c]] > 1]
        return words | {column: above[max(c for c in above if c <= column)] for column in covered}
    runs: list[list[int]] = []
    for column in values:
        if runs and column - 1 in runs[-1]:
            runs[-1].append(column)
        else:
            runs.append([column])
    if [sum(column in above for column in run) for run in runs] != [1] * len(above):
        return words
    return words | {column: next(above[c] for c in run if c in above) for run in runs for column in run}


def _is_label(cell: str) -> bool:
    return len(cell.split()) <= _LABEL_WORDS and not _NO_LABEL.search(cell)
