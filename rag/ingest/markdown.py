"""Markdown → plain text: headings on lines of their own, inline marks gone, footnotes dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.ingest.blocks import Block, Reading
from rag.ingest.clean import iso_date
from rag.ingest.encoding import decode

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z_][\w-]*)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_NOTE_BODY = re.compile(r"^\[\^[^\]\n]+\]:.*(?:\n(?:[ \t]+\S.*|[ \t]*(?=\n[ \t]{2,}\S)))*", re.MULTILINE)
_BARE_MARK = re.compile(r"(?<=[.,;\"”’)]) ?(?<!\w)(\d{1,4})(?=\s+[A-Z\[\"“*]|\s*$)", re.MULTILINE)
_HTML_NOTE = re.compile(r"<sup>\s*\[?[\d*†‡]{1,4}\]?\s*</sup>|<sup>\s*<a\b.*?</sup>", re.IGNORECASE)
_NOTE_MARK = re.compile(r"\[\^[^\]\n]+\]")


def read(data: bytes, name: str) -> Reading:
    """The Markdown in ``data``. Title and date come from its front matter if it has one."""
    text, metadata = decode(data)
    front, text = split_front_matter(text.replace("\r\n", "\n"))
    text = _drop_bare_marks(text)
    text = _HTML_NOTE.sub("", _NOTE_MARK.sub("", _NOTE_BODY.sub("", text)))
    return Reading(
        blocks=tuple(blocks(text)),
        media_type="text/markdown",
        title=front.get("title"),
        date=iso_date(front.get("date")),
        metadata=metadata,
    )


def _drop_bare_marks(text: str) -> str:
    """``text`` without note numbers that lost their brackets: ``… the Trust. 912 The next day``.

    A number goes only if a note of that number is defined, nothing else refers to it, and it stands
    between two sentences.
    """
    defined = set(re.findall(r"^\[\^(\d{1,4})\]:", text, re.MULTILINE))
    lost = defined - set(re.findall(r"\[\^(\d{1,4})\](?!:)", text))
    if not lost:
        return text
    return _BARE_MARK.sub(lambda found: "" if found.group(1) in lost else found.group(), text)


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The ``key: value`` lines of a YAML front matter, keys in lower case, and the text after it.

    Only flat scalars are read, quoted or not; that is all a title and a date need.
    """
    found = _FRONT.match(text)
    if not found:
        return {}, text
    fields = {key.lower(): _unquote(value) for key, value in _FIELD.findall(found.group(1)) if value}
    return fields, text[found.end() :]


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        inner = value[1:-1]
        return inner.replace('\\"', '"') if value[0] == '"' else inner.replace("''", "'")
    return re.sub(r"\s+#.*$", "", value)


def blocks(text: str) -> Iterator[Block]:  # noqa: PLR0912 — one case a kind of token reads best in one place
    """The headings and paragraphs of a Markdown text. Items are ``- …`` lines, rows ``cell; cell``."""
    from markdown_it import MarkdownIt

    lines: list[str] = []  # of the list or table that is being read
    row: list[str] | None = None
    numbers: list[int | None] = []  # of the open lists, None for bullets
    marker = ""
    heading = 0
    for token in MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"]).parse(text):
        match token.type:
            case "heading_open":
                heading = int(token.tag[1])
            case "heading_close":
                heading = 0
            case "bullet_list_open":
                numbers.append(None)
            case "ordered_list_open":
                numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                numbers.pop()
            case "list_item_open":
                marker = "- " if numbers[-1] is None else f"{numbers[-1]}. "
                numbers[-1] = None if numbers[-1] is None else numbers[-1] + 1
            case "tr_open":
                row = []
            case "tr_close" if row is not None:
                lines.append("; ".join(filter(None, row)))
                row = None
            case "inline" if row is not None:
                row.append(_words(token).replace("\n", " "))
            case "inline" if heading:
                yield Block(text=_words(token), level=heading)
            case "inline" | "fence" | "code_block" if numbers:
                lines.append(marker + _words(token))
                marker = ""
            case "inline" | "fence" | "code_block":
                yield Block(text=_words(token))
            case "html_block":
                yield from _html(token.content)
        if lines and not numbers and (token.type.endswith("list_close") or token.type == "table_close"):
            yield Block(text="\n".join(lines))
            lines = []
    if lines:
        yield Block(text="\n".join(lines))


def _words(token: Token) -> str:
    """The readable text of an inline token or of code: no marks, links and images by their text."""
    if token.children is None:
        return re.sub(r"\n\s*\n", "\n", token.content.rstrip("\n"))
    words = []
    for child in token.children:
        match child.type:
            case "text" | "code_inline" | "text_special":
                words.append(child.content)
            case "softbreak":
                words.append(" ")
            case "hardbreak":
                words.append("\n")
            case "html_inline" if re.match(r"<br\b", child.content, re.IGNORECASE):
                words.append("\n")
            case "image":
                words.append(child.content)
    return "".join(words)


def _html(source: str) -> Iterator[Block]:
    from lxml import etree, html

    from rag.ingest.html.tree import drop_notes, walk

    try:
        tree = html.fragment_fromstring(source, create_parent="div")
    except (etree.ParserError, ValueError):  # a comment, or nothing but white space
        return
    drop_notes(tree)
    yield from walk(tree)
