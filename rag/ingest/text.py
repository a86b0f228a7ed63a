"""Read plain text: a short first line is the title, short title-case lines between blank lines are headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.clean import clean_text, is_list_item, match_key
from rag.ingest.dates import iso_date
from rag.ingest.encoding import decode
from rag.ingest.header import date_of_fields, split_header, title_of_fields
from rag.ingest.line_joining import join_lines, word_counts
from rag.ingest.titles import is_generic_heading
from rag.text import MARKS, bullet

_DATE_LINE = re.compile(r"\s*Date\s*:\s*(\S.*?)\s*", re.IGNORECASE)
_TITLE_LINE = re.compile(r"\s*(?:Title|Subject)\s*:\s+(\S.*?)\s*", re.IGNORECASE)
_TWO_MARGINS = re.compile(r"\S.*\S {3,}\S")
_BYLINE = re.compile(r"\bby +[A-Z]\S+ +[A-Z]")
_UNDERLINE = re.compile(r"[=\-~*_#]{3,}")
_HASHES = re.compile(r"(#{1,6})\s+(\S.*)")
_ITEM_MARK = re.compile(rf"^[ \t]*[{MARKS}][ \t]+(?=\S)")
_SMALL_WORD = re.compile(
    "an?|and|as|at|but|by|for|from|in|into|nor|of|off|on|or|over|per|the|to|up|via|vs|with|de|la|von|van"
)


def read_text(data: bytes, name: str) -> ParsedDocument:
    """Read the text in ``data``; lines are joined to paragraphs, and a ``Date: …`` line near the top is removed."""
    text, metadata = decode(data)
    text = text.replace("\r\n", "\n")
    header = split_header(text)
    centred = None if header else _centred_title(text)
    text = f"{header.others}\n\n{header.rest}" if header else text
    text = clean_text(with_depth_marks(text))
    paragraphs = [part.split("\n") for part in re.split(r"\n\s*\n", text.replace("\f", "\n\n"))]
    paragraphs = [kept for lines in paragraphs if (kept := [line for line in lines if line.strip()])]
    date = _pop_date(paragraphs)
    fields = header.fields if header else {}
    title = title_of_fields(fields, name) or _title_line(paragraphs) or centred or _pop_title(paragraphs, name)
    return ParsedDocument(
        blocks=tuple(_blocks(paragraphs)),
        media_type="text/plain",
        title=title,
        date=date or date_of_fields(fields),
        metadata=metadata,
    )


def _title_line(paragraphs: list[list[str]]) -> str | None:
    """Return the title of a line ``Title: …`` among the first twenty lines that are not blank, as e-books have it."""
    first = islice((line for lines in paragraphs for line in lines), 20)
    return next((found.group(1) for line in first if (found := _TITLE_LINE.fullmatch(line))), None)


def _centred_title(text: str) -> str | None:
    """Return the title that is centred in its lines below a header, as that of an RFC or an Internet-Draft is.

    It is the first paragraph of at most four lines, each of them indented and none of them reaching the right margin,
    after a first paragraph with words at both margins ("Request for Comments: 791 … September 1981").
    """
    paragraphs = [part.split("\n") for part in re.split(r"\n[ \t]*\n", text[:4000].expandtabs(8).lstrip("\ufeff\n"))]
    head, *others = ([line.rstrip() for line in lines if line.strip()] for lines in paragraphs)
    if not any(_TWO_MARGINS.match(line) for line in head):
        return None
    widths = {max(map(len, head)), 80}
    for lines in others[:2]:
        if 1 <= len(lines) <= 4 and any(all(_is_centred(line, width) for line in lines) for width in widths):
            # The last line may be the name of the file: "draft-ietf-httpbis-http2-17".
            return " ".join(line.strip(" |") for line in lines if len(line.split()) > 1 or len(lines) == 1)
        if not any(_TWO_MARGINS.match(line.strip()) or _BYLINE.search(line) for line in lines):
            return None
    return None


def _is_centred(line: str, width: int) -> bool:
    indent = len(line) - len(line.lstrip())
    return (
        indent >= 4
        and not _TWO_MARGINS.match(line.strip())
        and abs(indent - (width - len(line))) <= width // 8
        and not _BYLINE.search(line)
    )


def _pop_date(paragraphs: list[list[str]]) -> str | None:
    """Remove the first ``Date:`` line among the first eight lines and return its date."""
    seen = 0
    for lines in paragraphs:
        for index, line in enumerate(lines):
            seen += 1
            if seen > 8:
                return None
            if (found := _DATE_LINE.fullmatch(line)) and (date := iso_date(found.group(1))):
                del lines[index]
                paragraphs[:] = [kept for kept in paragraphs if kept]
                return date
    return None


def _pop_title(paragraphs: list[list[str]], name: str) -> str | None:
    """Remove the first line and return it if it can be a title: alone or underlined, short, and not a sentence.

    A line with the name of the file in it is a running head, as in Vim's manual.
    """
    if not paragraphs:
        return None
    first = paragraphs[0]
    alone = len(first) == 1 or bool(_UNDERLINE.fullmatch(first[1].strip()))
    if not alone or not _is_short(first[0]) or (len(paragraphs) == 1 and len(first) == 1):
        return None
    if is_generic_heading(first[0]) or name.rsplit("/", 1)[-1] in first[0] or not match_key(first[0]):
        return None
    title = re.sub(r"^(?:#+|title\s*:)\s*", "", first[0].strip(), flags=re.IGNORECASE)
    del first[: 2 if len(first) > 1 else 1]
    paragraphs[:] = [kept for kept in paragraphs if kept]
    return title


def _blocks(paragraphs: list[list[str]]) -> Iterator[Block]:
    counts = word_counts(line for lines in paragraphs for line in lines)
    for lines in paragraphs:
        if len(lines) == 2 and _UNDERLINE.fullmatch(lines[1].strip()) and _is_short(lines[0]):
            yield Block(text=lines[0], level=1 if lines[1].strip()[0] == "=" else 2)
        elif len(lines) == 1 and (marked := _HASHES.fullmatch(lines[0])):
            yield Block(text=marked.group(2), level=len(marked.group(1)))
        elif len(lines) == 1 and _is_heading(lines[0]):
            yield Block(text=lines[0], level=2)
        else:
            yield Block(text="\n".join(join_lines(item, counts) for item in _list_items(lines)))


def _list_items(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines of each list item; a paragraph that is not a list is one item."""
    item: list[str] = []
    for line in lines:
        if _UNDERLINE.fullmatch(line.strip()):
            continue
        if item and is_list_item(line):
            yield item
            item = []
        item.append(line)
    if item:
        yield item


def with_depth_marks(text: str) -> str:
    """Return ``text`` with the mark of its depth for each item of a list, which its indentation gives.

    A single item keeps its mark: it may be a paragraph that opens with a dash. Of 24 lines that get another mark, one
    of each of 24 directories of plain text (release notes, licences, manuals, tests), all are items. In a diff a line
    that begins with the sign of a change is taken for one.
    """
    lines = text.split("\n")
    items: list[int] = []
    for at, line in enumerate([*lines, "the end"]):
        if _ITEM_MARK.match(line):
            items.append(at)
        elif line.strip() and not line[0].isspace():
            if len(items) > 1:
                _mark_depths(lines, items)
            items = []
    return "\n".join(lines)


def _mark_depths(lines: list[str], items: Sequence[int]) -> None:
    """Give each of the ``items`` of a list, numbers of its ``lines``, the mark of its depth."""
    indents: list[int] = []
    for at in items:
        line = lines[at].expandtabs()
        indent = len(line) - len(line.lstrip())
        indents = [*(outer for outer in indents if outer < indent), indent]
        lines[at] = _ITEM_MARK.sub(bullet(len(indents)), line)


def _is_short(line: str) -> bool:
    return len(line.strip()) <= 120 and len(line.split()) <= 16 and not re.search(r"[.,;:!]$", line.strip())


def _is_heading(line: str) -> bool:
    """Whether a line between blank lines is a heading: short, no full stop, in title case, capitals or numbered."""
    words = re.findall(r"[^\W\d_][\w’'-]*", line)
    if not words or len(words) > 12 or not _is_short(line) or line.lstrip()[0] in MARKS:
        return False
    if re.match(r"(?:[IVXLC]+|[A-Z]|\d+(?:\.\d+)*)[.)]\s+[A-Z]", line.strip()):
        return True
    content_words = [word for word in words if not _SMALL_WORD.fullmatch(word.lower())]
    if not content_words or not words[0][0].isupper():
        return False
    capitalized = sum(word[0].isupper() for word in content_words)
    # Short headings often have one capital only, as in "Public records".
    return capitalized / len(content_words) >= 0.75 or len(words) <= 4
