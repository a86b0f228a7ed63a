"""Convert an lxml HTML tree into blocks, iteratively, because hostile pages nest deeper than Python can recurse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rag.ingest.blocks import Block
from rag.text import join_cells

_DROPPED = re.compile(
    "script|style|noscript|template|svg|math|iframe|object|embed|form|button|select|input|textarea|head|title|nav"
    "|audio|video|canvas|img"
)
_PARAGRAPH = re.compile(
    "p|div|section|article|main|header|footer|aside|blockquote|figure|figcaption|dl|dt|dd|ul|ol|table|tbody|thead|tfoot"
    "|caption|body|html|hr|address|details|summary"
)
_HEADING_LEVELS = {f"h{n}": n for n in range(1, 7)}
_LINES = frozenset({"li", "tr"})
_CELLS = frozenset({"td", "th"})
_CELL_END = "\x00"  # cannot occur in HTML text


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block, the element ``node`` that holds it, and the number of its characters that are links."""

    block: Block
    node: Any
    linked: int


def html_blocks(root: Any) -> Iterator[Block]:
    """Yield the blocks of :func:`placed_blocks` without their places."""
    return (placed.block for placed in placed_blocks(root))


def placed_blocks(root: Any) -> Iterator[PlacedBlock]:
    """Yield the headings and paragraphs below ``root`` in reading order.

    List items and table rows are lines of one block; the cells of a row are joined by ``; ``. Two line breaks outside
    of these end a block. Preformatted text is a block of code, in a table part of its cell.
    """
    text: list[str] = []
    heading = verbatim = line = row = link = linked = 0
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        tag = node.tag.rsplit("}", 1)[-1].lower() if isinstance(node.tag, str) else ""
        level = _HEADING_LEVELS.get(tag, 0)
        shown = bool(tag) and not _DROPPED.fullmatch(tag)
        is_line, is_code = tag in _LINES, tag == "pre" or (tag == "code" and "\n" in (node.text or ""))
        ended, block = False, None
        if shown and is_code and not (row or verbatim > (1 if leaving else 0)):
            # Code in a list item ends the block of the list, which goes on after it.
            ended, block = True, _take_code(text) if leaving else _take(text, heading)
        elif (shown and not verbatim and (level or (not line and _PARAGRAPH.fullmatch(tag)))) or (
            tag == "br" and not (leaving or line or row or verbatim or heading) and _ends_in_break(text)
        ):
            ended, block = True, _take(text, heading)
        elif shown and (is_line or is_code or _PARAGRAPH.fullmatch(tag) or (tag == "br" and not leaving)):
            text.append("\n")
        elif leaving and tag in _CELLS:
            text.append(_CELL_END)
        if block:
            yield PlacedBlock(block, node if leaving else node.getparent(), linked)
        if ended:
            linked = 0
        if leaving:
            heading = 0 if level else heading
            verbatim -= is_code
            line -= is_line
            row -= tag == "tr"
            link -= tag == "a"
        elif shown:
            heading = level or heading
            verbatim += is_code
            line += is_line
            row += tag == "tr"
            link += tag == "a"
            text.append(_collapse_space(node.text, verbatim))
            linked += len(text[-1]) if link else 0
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node))
            continue
        if node is not root:
            text.append(_collapse_space(node.tail, verbatim))
            linked += len(text[-1]) if link else 0
    if block := _take(text, heading):
        yield PlacedBlock(block, root, linked)


def _collapse_space(text: str | None, verbatim: int) -> str:
    return (text or "") if verbatim else re.sub(r"\s+", " ", text or "")


def _ends_in_break(text: list[str]) -> bool:
    """Whether nothing but space follows the last line break of ``text``."""
    return next((piece == "\n" for piece in reversed(text) if piece == "\n" or piece.strip()), False)


def _take_code(text: list[str]) -> Block | None:
    """Return the collected ``text`` as one block of code, if it is not blank, and clear it."""
    body = "".join(text)
    text.clear()
    return Block(text=body, code=True) if body.strip() else None


def _take(text: list[str], level: int) -> Block | None:
    """Return the collected ``text`` as one block, if it is not blank, and clear it."""
    rows = (
        join_cells(line.removesuffix(_CELL_END).split(_CELL_END)) if _CELL_END in line else line
        for line in "".join(text).split("\n")
    )
    body = "\n".join(row.rstrip() for row in rows if row.strip())
    text.clear()
    return Block(text=body, level=level) if body else None
