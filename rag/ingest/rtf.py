"""Read RTF through striprtf: paragraphs, list items and rows of tables as lines, headings by their outline level.

striprtf gives bare text. What it does not tell, where a row or a heading is and how deep an item is nested, is marked
by characters of the private use area, which are put behind the control words that say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.errors import ReadError
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.clean import clean_text
from rag.ingest.dates import iso_date
from rag.ingest.drawing import SYMBOLS
from rag.ingest.omissions import Tally
from rag.text import MARKS, bullet, join_cells

MAX_CHARS = 32 * 1024 * 1024
"""Maximum length of a source without its pictures: striprtf takes about a second for one to two megabytes."""
MAX_OPEN_GROUPS = 1_000
"""Most groups that a file, cut off, leaves open; striprtf takes quadratic time for them."""

_ROW, _CELL, _ROW_END = "\ue110", "\ue111", "\ue112"
_HEADING_MARK, _DEPTH_MARK = 0xE120, 0xE130
_MARKS = re.compile("[\ue110-\ue139]")

_BARE_BINARY = re.compile(r"(?<!\\)\\bin(?![a-z])")
"""Without the length that striprtf expects behind it."""
_LATE_STAR = re.compile(r"(?<![{\s\\])\\\*")
"""The mark of a group to be left out, where no group begins: striprtf leaves out what follows."""
_PICTURE = re.compile(r"(?<![0-9a-fA-F\r\n])[0-9a-fA-F\r\n]{200,}+(?=\})")
"""The data of a picture or an object, in hexadecimal digits to the end of its group."""
_BINARY = re.compile(rb"\\bin(\d{1,9}) ?")
_HIGH = re.compile(rb"[\x80-\xff]")
_STRUCTURE = re.compile(r"(?<!\\)\\(?:(outlinelevel|ilvl)([0-8])|(trowd|(?:nest)?cell|(?:nest)?row))(?![a-z\d]) ?")
_FIELD = re.compile(r"\{\\field\{")
_DELETED = re.compile(r"(?<!\\)\\deleted(?![a-z0])")
_SHAPE = re.compile(r"(?<!\\)(?:\\\*)?\\(shp|shpinst|shptxt)(?![a-z])")
_HIDDEN = re.compile(r"(?<!\\)\\v(?![a-z0-9])(?![^{}]*\\v0)")
"""Hides the rest of its group, unless that shows it again."""
_BULLET = re.compile(rf"[{MARKS}·⁃‣o\ufffd{''.join(map(chr, SYMBOLS))}]\t\s*(?=\S)")
_NUMBER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]{1,5})[.)]\t\s*(?=\S)")
_TITLE = re.compile(r"\{\\title ([^{}]*)\}")
_CREATED = re.compile(r"\\creatim\s*\\yr(\d{4})\s*\\mo(\d\d?)\s*\\dy(\d\d?)")
_LEFT_OUT = {
    "comments": "annotation",
    "embedded objects": "object",
    "footnotes": "footnote",
    "images": r"pict|NeXTGraphic",
    "page headers and footers": "(?:header|footer)[lrf]?",
}


def read_rtf(data: bytes, name: str) -> ParsedDocument:
    """Read the RTF file in ``data``, with its tracked changes accepted.

    Title and date are those of the file's properties.

    Raises:
        ReadError: ``data`` is no RTF, or larger than :data:`MAX_CHARS` without its pictures.
    """
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        raise ReadError("not RTF")
    source = _PICTURE.sub("", _BARE_BINARY.sub("", _ascii(data)))
    if len(source) > MAX_CHARS:
        raise ReadError(f"over the limit of {MAX_CHARS / 1e6:,.0f} MB of RTF without pictures; save it as DOCX")
    if source.count("{") - source.count("}") > MAX_OPEN_GROUPS:
        raise ReadError("damaged: its groups do not end")
    tally = Tally()
    for what, word in _LEFT_OUT.items():
        tally.add(what, count=len(re.findall(rf"\{{(?:\\\*)?\\(?:{word})(?![a-z])", source)))
    tally.add("hidden text", count=len(_HIDDEN.findall(source)))
    read = _HIDDEN.sub(r"\\*\\v", _DELETED.sub(r"\\*\\deleted", _LATE_STAR.sub("", source)))
    blocks = tuple(_blocks(_plain(_SHAPE.sub(_open_shape, _STRUCTURE.sub(_mark, read)))))
    tally.add("unreadable characters", count=sum(block.text.count("\ufffd") for block in blocks))
    info = source[: source.find("\\pard") if "\\pard" in source else None]
    titles, created = _TITLE.findall(info), _CREATED.search(info)
    page = re.search(r"\\ansicpg\d+", source)
    # The title of another alphabet stands twice, the second time in Unicode.
    title = _plain(f"{{\\rtf1\\ansi{page[0] if page else ''} {titles[-1]}}}").strip() if titles else ""
    return ParsedDocument(
        blocks=blocks,
        media_type="application/rtf",
        title=title or None,
        date=iso_date("-".join(created.groups())) if created else None,
        tally=tally,
    )


def _ascii(data: bytes) -> str:
    """Return the source in ASCII: binary data left out, and other characters escaped, which then have a code page."""
    pieces, at = [], 0
    while found := _BINARY.search(data, at):
        pieces.append(data[at : found.start()])
        at = found.end() + int(found[1])
    pieces.append(data[at:])
    return _HIGH.sub(lambda byte: b"\\'%02x" % byte[0][0], b"".join(pieces).removeprefix(b"\xef\xbb\xbf")).decode(
        "ascii"
    )


def _mark(found: re.Match[str]) -> str:
    kind, level, word = found.groups()
    if kind:
        return f"\\{kind}{level} {chr((_HEADING_MARK if kind == 'outlinelevel' else _DEPTH_MARK) + int(level))}"
    return f"\\{word} {_ROW if word == 'trowd' else _CELL if word.endswith('cell') else _ROW_END}"


def _open_shape(found: re.Match[str]) -> str:
    """Return a shape's control word under a name that striprtf does not leave out, its text on lines of its own."""
    return f"\\citebrief{found[1]}" + ("\\par " if found[1] == "shptxt" else " ")


def _plain(source: str) -> str:
    from striprtf.striprtf import rtf_to_text

    # striprtf's own expression for links takes all between the first and the last link of a line for one.
    text: str = rtf_to_text(_FIELD.sub(r"{\\field {", source), errors="replace")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _blocks(text: str) -> Iterator[Block]:
    """Yield a block for each paragraph; the items of a list and the rows of a table are lines of one."""
    lines: list[str] = []
    in_table, depth = False, 1
    for line, is_row in _lines(text):
        depth = next(
            (ord(mark) - _DEPTH_MARK + 1 for mark in reversed(line) if 0 <= ord(mark) - _DEPTH_MARK < 9), depth
        )
        level = next((ord(mark) - _HEADING_MARK + 1 for mark in line if 0 <= ord(mark) - _HEADING_MARK < 9), 0)
        plain = _MARKS.sub("", line).strip()
        item = _BULLET.match(plain)
        in_lines = is_row or item or _NUMBER.match(plain)
        if not plain:
            continue
        if lines and (is_row != in_table or not in_lines):
            yield Block(text="\n".join(lines))
            lines = []
        if in_lines:
            lines.append(f"{bullet(depth)}{plain[item.end() :]}" if item else plain)
        else:
            yield Block(text=plain, level=level)
        in_table = is_row
    if lines:
        yield Block(text="\n".join(lines))


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the paragraphs, and the rows of tables, whose cells may be of several paragraphs.

    A row begins where it is defined; one that takes its definition from the row before begins at that one's end.
    """
    *parts, rest = text.split(_ROW_END)
    after_row = False
    for part in parts:
        cell = part.find(_CELL)
        defined = part.find(_ROW)
        first_line = part.rfind("\n", 0, max(cell, 0)) + 1
        start = defined if 0 <= defined <= cell else 0 if after_row else first_line
        yield from ((line, False) for line in part[:start].split("\n"))
        if row := _row(part[start:]):
            yield row, True
        after_row = True
    for line in rest.split("\n"):
        yield (_row(line), True) if _CELL in line else (line, False)


def _row(text: str) -> str:
    cells = [" ".join(clean_text(_MARKS.sub("", cell).removesuffix("|")).split()) for cell in text.split(f"|{_CELL}")]
    return join_cells(cells)
