"""Check the XML of spreadsheets before calamine reads it: its Rust code can end the process, or never return."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import IO, Any
from zipfile import ZipFile

from rag.errors import ReadError
from rag.ingest.archive import DAMAGE

MAX_PLACES = 20_000_000
"""Maximum number of places in the rectangle around the values of a sheet. calamine takes 32 bytes for each, empty or
not; where they cannot be had, it ends the process."""
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]{0,9})(\d{1,12})[\"']")
_LAST_SECTOR = 0xFFFFFFFA
"""Numbers of sectors are up to this; those above have meanings of their own."""
_LOOP = "damaged: a chain of its sectors comes back to itself"
_CHUNK = 1 << 20
_SHARED = 64
"""Bytes that a chunk has from the one before, in which a reference can stand."""


def check_sheets(archive: ZipFile) -> None:
    """Refuse an XLSX with a value far from the others, and an ODS that is not XML, in which calamine does not end.

    Raises:
        ReadError: the archive has such a sheet.
    """
    for member in archive.namelist():
        try:
            if _SHEET.fullmatch(member):
                _check_extent(archive, member)
            elif member == "content.xml":
                with archive.open(member) as file:
                    for _, node in _parse(file, member, ("end",)):
                        _forget(node)
        except (*DAMAGE, OSError):
            continue  # calamine names the sheet that cannot be unpacked


def check_sectors(data: bytes) -> None:
    """Refuse an XLS file with a chain of sectors that comes back to itself, which calamine follows without end.

    Raises:
        ReadError: it has one, or its table of sectors is cut off.
    """
    try:
        (version,) = struct.unpack_from("<H", data, 26)
        first_short, _, table = struct.unpack_from("<3I", data, 60)
        sector = 4096 if version == 4 else 512

        def numbers(index: int) -> tuple[int, ...]:
            return struct.unpack_from(f"<{sector // 4}I", data, (index + 1) * sector)

        places = list(struct.unpack_from("<109I", data, 76))
        tables: set[int] = set()
        while table < _LAST_SECTOR:
            if table in tables:
                raise ReadError(_LOOP)
            tables.add(table)
            *more, table = numbers(table)
            places += more
        following = [number for place in dict.fromkeys(places) if place < _LAST_SECTOR for number in numbers(place)]
        _check_chains(following)
        short: list[int] = []
        while first_short < len(following):
            short += numbers(first_short)
            first_short = following[first_short]
        _check_chains(short)
    except struct.error:
        raise ReadError("damaged: its table of sectors is cut off") from None


def _check_chains(following: list[int]) -> None:
    ended = bytearray(len(following))  # 1: on the chain that is followed, 2: ends
    for start in range(len(following)):
        chain = []
        at = start
        while at < len(following) and not ended[at]:
            ended[at] = 1
            chain.append(at)
            at = following[at]
        if at < len(following) and ended[at] == 1:
            raise ReadError(_LOOP)
        for passed in chain:
            ended[passed] = 2


def _check_extent(archive: ZipFile, member: str) -> None:
    with archive.open(member) as file:
        places = _area(_references(file))
    if places > MAX_PLACES:  # perhaps they are empty cells with a format
        with archive.open(member) as file:
            places = _area(_values(file, member))
    if places > MAX_PLACES:
        raise ReadError(f"a value stands far from the others: the cells of {member} span {places:,} places")


def _area(places: Iterator[tuple[int, int]]) -> int:
    """Return the area of the rectangle around places ``(row, column)``; a number of 0 is not known."""
    rows, columns = set(), set()
    for row, column in places:
        rows.add(row)
        columns.add(column)
    rows.discard(0)
    columns.discard(0)
    return _span(rows) * _span(columns)


def _span(numbers: set[int]) -> int:
    return max(numbers) - min(numbers) + 1 if numbers else 1


def _references(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the places that the XML of a sheet names, those of empty cells and of rows (column 0) too."""
    before = b""
    while chunk := file.read(_CHUNK):
        for letters, digits in set(_REFERENCE.findall(before + chunk)):
            yield int(digits), _column(letters.decode("ascii"))
        before = chunk[-_SHARED:]


def _values(file: IO[bytes], member: str) -> Iterator[tuple[int, int]]:
    """Yield the places of the cells that have a value; a cell or row that does not name its place follows the last."""
    row = column = 0
    for event, node in _parse(file, member, ("start", "end")):
        kind = node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""
        if event == "start" and kind == "row":
            number = node.get("r") or ""
            row, column = int(number) if number.isdecimal() else row + 1, 0
        elif event == "end" and kind == "c":
            found = re.fullmatch(r"([A-Za-z]{1,9})([0-9]{1,12})", node.get("r") or "")
            row, column = (int(found[2]), _column(found[1])) if found else (row, column + 1)
            if next(node.iterchildren("{*}v", "{*}is"), None) is not None:
                yield row, column
        if event == "end" and kind in {"c", "row"}:
            _forget(node)


def _parse(file: IO[bytes], member: str, events: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    from lxml import etree

    try:
        yield from etree.iterparse(file, events=events, resolve_entities=False, huge_tree=True)
    except etree.XMLSyntaxError as error:
        raise ReadError(f"damaged: {member} is not XML ({error})") from None


def _forget(node: Any) -> None:
    """Free an element that was read, and those before it."""
    node.clear()
    while (before := node.getprevious()) is not None and (parent := node.getparent()) is not None:
        parent.remove(before)


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
