"""A tree of HTML as blocks, and what is taken out of it first.

Iterative, since hostile pages nest deeper than Python recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.ingest.blocks import Block
from rag.ingest.clean import REDACTED

_DROPPED = re.compile(
    "script|style|noscript|template|svg|math|iframe|object|embed|form|button|select|input|textarea|head|title|nav"
    "|audio|video|canvas|img"
)
_PARAGRAPH = re.compile(
    "p|div|section|article|main|header|footer|aside|blockquote|figure|figcaption|dl|dt|dd|ul|ol|table|tbody|thead|tfoot"
    "|caption|body|html|hr|address|details|summary"
)
_LEVEL = {f"h{n}": n for n in range(1, 7)}
_LINES = frozenset({"li", "tr"})
_CELLS = frozenset({"td", "th"})
_CELL = "\x00"  # ends a table cell; no HTML text can hold it
_NOTE_CLASS = re.compile(r"\b(?:footnotes?|endnotes?|footnote-(?:text|ref|mark)|noteref|fn)\b", re.IGNORECASE)
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = re.compile(r"(?:\d|(?<![^\W\d_])(?:[kcmdµn]?m|ft|in|mi|yd|s|R|r|x|χ|CO|CH))$")


def drop_notes(root: Any) -> None:
    """Take footnote marks and footnote bodies out of an lxml HTML tree; mark redactions.

    Superscripts that are no notes stay: digits behind a digit or a unit as ``²``, others as they are.
    """
    for node in list(root.iter("sup", "a", "aside", "section", "div", "ol", "ul", "li", "span")):
        if node.getparent() is None:
            continue
        names = " ".join((node.get("class") or "", node.get("role") or "", *_epub_types(node)))
        if node.tag == "sup":
            _superscript(node)
        elif re.search(r"\bredact", names, re.IGNORECASE):
            _replace(node, f" {REDACTED} ")
        elif _NOTE_CLASS.search(names.replace("doc-", " ")) or _is_note_link(node):
            node.drop_tree()


def _epub_types(node: Any) -> list[str]:
    return [str(value) for name, value in node.attrib.items() if str(name).endswith("type")]


def _is_note_link(node: Any) -> bool:
    """``<a href="#fn1">[1]</a>``, and the arrow that leads back."""
    target = node.get("href") or ""
    text = "".join(node.itertext()).strip()
    if node.tag != "a" or not target.startswith("#"):
        return False
    return bool(
        re.fullmatch(r"\[?\(?(?:\d{1,4}|[*†‡§a-z])\)?\]?", text) and re.match(r"#_?(?:fn|ftn|note|cite|en\d)", target)
    ) or (text in {"↩", "↩︎", "↑", "^"})


def _superscript(node: Any) -> None:
    text = "".join(node.itertext()).strip()
    is_mark = bool(re.fullmatch(r"[\[(]?(?:\d{1,4}(?:[,–-]\s?\d{1,4})*|[*†‡§]+|[a-z])[\])]?", text))
    if not is_mark:
        return
    previous = node.getprevious()
    before = (previous.tail if previous is not None else node.getparent().text) or ""
    if text.isdigit() and _UNITS.search(before) and node.find(".//a") is None:
        _replace(node, text.translate(_SUPERSCRIPTS))
    else:
        _replace(node, "")


def _replace(node: Any, text: str) -> None:
    """Put ``text`` where ``node`` was; what follows it stays."""
    node.tail = text + (node.tail or "")
    for child in list(node):
        node.remove(child)
    node.text = None
    node.drop_tree()


def walk(root: Any) -> Iterator[Block]:
    """The headings and paragraphs below ``root`` in reading order.

    List items and table rows are lines of one block; the cells of a row are joined by ``; ``.
    """
    text: list[str] = []
    heading = verbatim = line = 0
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        tag = node.tag.rsplit("}", 1)[-1].lower() if isinstance(node.tag, str) else ""
        level = _LEVEL.get(tag, 0)
        shown = bool(tag) and not _DROPPED.fullmatch(tag)
        is_line, is_code = tag in _LINES, tag == "pre" or (tag == "code" and "\n" in (node.text or ""))
        if shown and (level or (not line and (is_code or _PARAGRAPH.fullmatch(tag)))):
            yield from _flush(text, heading)
        elif shown and (is_line or is_code or _PARAGRAPH.fullmatch(tag) or tag == "br"):
            text.append("\n")
        elif leaving and tag in _CELLS:
            text.append(_CELL)
        if leaving:
            heading = 0 if level else heading
            verbatim -= is_code
            line -= is_line
        elif shown:
            heading = level or heading
            verbatim += is_code
            line += is_line
            text.append(_flat(node.text, verbatim))
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node))
            continue
        if node is not root:
            text.append(_flat(node.tail, verbatim))
    yield from _flush(text, heading)


def _flat(text: str | None, verbatim: int) -> str:
    return (text or "") if verbatim else re.sub(r"\s+", " ", text or "")


def _flush(text: list[str], level: int) -> Iterator[Block]:
    rows = (
        "; ".join(cell for cell in (part.strip() for part in line.split(_CELL)) if cell) if _CELL in line else line
        for line in "".join(text).split("\n")
    )
    body = "\n".join(row.rstrip() for row in rows if row.strip())
    text.clear()
    if body:
        yield Block(text=body, level=level)
