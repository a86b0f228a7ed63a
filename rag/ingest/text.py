"""Plain text: a short first line is the title, short title-case lines that stand alone are headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.ingest.blocks import Block, Reading
from rag.ingest.clean import iso_date, join_lines, plain, vocabulary
from rag.ingest.encoding import decode

_DATE_LINE = re.compile(r"\s*Date\s*:\s*(\S.*?)\s*", re.IGNORECASE)
_UNDERLINE = re.compile(r"[=\-~*_#]{3,}")
_HASHES = re.compile(r"(#{1,6})\s+(\S.*)")
_LIST_ITEM = re.compile(r"\s*(?:[-*•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_SMALL_WORD = re.compile(
    "an?|and|as|at|but|by|for|from|in|into|nor|of|off|on|or|over|per|the|to|up|via|vs|with|de|la|von|van"
)


def read(data: bytes, name: str) -> Reading:
    """The text in ``data``, its lines joined to paragraphs. A ``Date: …`` line near the top is dropped."""
    text, metadata = decode(data)
    paragraphs = [part.split("\n") for part in re.split(r"\n\s*\n", plain(text).replace("\f", "\n\n"))]
    paragraphs = [kept for lines in paragraphs if (kept := [line for line in lines if line.strip()])]
    date = _take_date(paragraphs)
    title = _take_title(paragraphs)
    return Reading(
        blocks=tuple(_blocks(paragraphs)), media_type="text/plain", title=title, date=date, metadata=metadata
    )


def _take_date(paragraphs: list[list[str]]) -> str | None:
    """Take the first ``Date:`` line among the first eight lines out of ``paragraphs``."""
    seen = 0
    for lines in paragraphs:
        for place, line in enumerate(lines):
            seen += 1
            if seen > 8:
                return None
            if (found := _DATE_LINE.fullmatch(line)) and (date := iso_date(found.group(1))):
                del lines[place]
                paragraphs[:] = [kept for kept in paragraphs if kept]
                return date
    return None


def _take_title(paragraphs: list[list[str]]) -> str | None:
    """Take the first line out of ``paragraphs`` if it can be a title: short, and no sentence."""
    if not paragraphs:
        return None
    first = paragraphs[0]
    alone = len(first) == 1 or bool(_UNDERLINE.fullmatch(first[1].strip()))
    if not alone or not _is_short(first[0]) or (len(paragraphs) == 1 and len(first) == 1):
        return None
    title = re.sub(r"^(?:#+|title\s*:)\s*", "", first[0].strip(), flags=re.IGNORECASE)
    del first[: 2 if len(first) > 1 else 1]
    paragraphs[:] = [kept for kept in paragraphs if kept]
    return title


def _blocks(paragraphs: list[list[str]]) -> Iterator[Block]:
    known = vocabulary(line for lines in paragraphs for line in lines)
    for lines in paragraphs:
        if len(lines) == 2 and _UNDERLINE.fullmatch(lines[1].strip()) and _is_short(lines[0]):
            yield Block(text=lines[0], level=1 if lines[1].strip()[0] == "=" else 2)
        elif len(lines) == 1 and (marked := _HASHES.fullmatch(lines[0])):
            yield Block(text=marked.group(2), level=len(marked.group(1)))
        elif len(lines) == 1 and is_heading(lines[0]):
            yield Block(text=lines[0], level=2)
        else:
            yield Block(text="\n".join(join_lines(item, known) for item in _items(lines)))


def _items(lines: list[str]) -> Iterator[list[str]]:
    """The lines of a paragraph, those of a list apart."""
    item: list[str] = []
    for line in lines:
        if _UNDERLINE.fullmatch(line.strip()):
            continue
        if item and _LIST_ITEM.match(line):
            yield item
            item = []
        item.append(line)
    if item:
        yield item


def _is_short(line: str) -> bool:
    return len(line.strip()) <= 120 and len(line.split()) <= 16 and not re.search(r"[.,;:!]$", line.strip())


def is_heading(line: str) -> bool:
    """Whether a line that stands alone is a heading: short, no full stop, Title Case or capitals or numbered."""
    words = re.findall(r"[^\W\d_][\w’'-]*", line)
    if not words or len(words) > 12 or not _is_short(line) or line.lstrip()[0] in "-*•–":
        return False
    if re.match(r"(?:[IVXLC]+|[A-Z]|\d+(?:\.\d+)*)[.)]\s+[A-Z]", line.strip()):
        return True
    telling = [word for word in words if not _SMALL_WORD.fullmatch(word.lower())]
    capital = sum(word[0].isupper() for word in telling)
    # "Public records" is how a short heading often stands: one capital, two or three words.
    return bool(telling) and words[0][0].isupper() and (capital / len(telling) >= 0.75 or len(words) <= 4)
