"""Read Markdown: headings and paragraphs as plain text, without inline mark-up and footnotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.encoding import decode
from rag.ingest.front_matter import other_fields, split_front_matter
from rag.ingest.header import date_of_fields, split_header, title_of_fields
from rag.ingest.omissions import Tally
from rag.text import bullet, join_cells

if TYPE_CHECKING:
    from markdown_it.token import Token

_FOOTNOTE_TEXT = re.compile(r"^\[\^[^\]\n]+\]:.*(?:\n(?:[ \t]+\S.*|[ \t]*(?=\n[ \t]{2,}\S)))*", re.MULTILINE)
_BARE_NUMBER = re.compile(r"(?<=[.,;\"”’)]) ?(?<!\w)(?<!\d,)(\d{1,4})(?=\s+[A-Z\[\"“*]|\s*$)", re.MULTILINE)
_HTML_FOOTNOTE_MARK = re.compile(r"<sup>\s*\[?[\d*†‡]{1,4}\]?\s*</sup>|<sup>\s*<a\b.*?</sup>", re.IGNORECASE)
_FOOTNOTE_MARK = re.compile(r"\[\^([^\]\n]+)\]")
_DEFINED = re.compile(r"^ {0,3}\[\^([^\]\n]+)\]:", re.MULTILINE)
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)

_TEMPLATE_LINK = re.compile(r"\]\(\s*\{[{%](?:(?![%}]\})[^\n])*[%}]\}[^\s)]*(?:\s+\"[^\"\n]*\")?\s*\)")
"""A link to what a template of Jekyll or Hugo resolves: ``[text]({% page "/a/" %}#b)`` is no link in CommonMark."""

_HEADING_WITHOUT_SPACE = re.compile(r"^(#{2,6})(?=[A-Za-z])")
"""A heading of other Markdown than CommonMark, which wants a space: ``##Costs``.

All of 16 lines in three public collections (statistics, minutes, proposals) are headings, and all of 30 that were drawn
from the 266 in a manual. One ``#`` is left: it may be a channel or an issue.
"""

_ATTRIBUTE = r"""(?:[#.][\w:-]+|[\w-]+=(?:"[^"\n]*"|'[^'\n]*'|[\w-]+))"""
_ATTRIBUTE_LIST = re.compile(rf"[ \t]*\{{:\s*(?:toc|{_ATTRIBUTE})(?:\s+{_ATTRIBUTE})*\s*\}}")
"""The attributes of kramdown for what stands before or below them: ``{: #id .class key="value" }``.

Of 1,129 places in eight collections that this and the next pattern match outside code 36 were drawn: all are
attributes. Formats of Rust, ``{:?}`` and ``{:>8}``, are not matched.
"""

_ATTRIBUTES_WITHOUT_COLON = re.compile(rf"[ \t]*(?<!\{{)\{{{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*\s*\}}")
"""Those of Pandoc, Hugo and Docusaurus: directly behind a link or an image, and at the end of a block."""


def read_markdown(data: bytes, name: str) -> ParsedDocument:
    """Read the Markdown in ``data``; title and date come from its front matter or header block, if it has one.

    The other fields are text, such as the status of a proposal, without those of the front matter that steer the site.
    """
    text, metadata = decode(data)
    front: Mapping[str, str]
    front, text = split_front_matter(text.replace("\r\n", "\n"))
    header: list[Block] = []
    tally = Tally()
    if front and (others := other_fields(front, tally)):
        header = [Block(text=others)]
    elif not front and (found := split_header(text)):
        front, text = found.fields, found.rest
        header = [Block(text=found.others)]
    return ParsedDocument(
        blocks=(*header, *body_blocks(text, tally)),
        media_type="text/markdown",
        title=title_of_fields(front, name),
        date=date_of_fields(front),
        metadata=metadata,
        tally=tally,
    )


def body_blocks(text: str, tally: Tally) -> Iterator[Block]:
    """Yield the headings and paragraphs of a Markdown text without its footnotes, which ``tally`` counts."""
    text = _TEMPLATE_LINK.sub("](template)", _remove_footnotes(_guard_code(_open_headings(text)), tally))
    yield from (replace(block, text=_unguard(block.text)) for block in markdown_blocks(text))


def _remove_footnotes(text: str, tally: Tally) -> str:
    """Remove the texts of footnotes, and the marks of those that have one: ``[^0-9]`` alone is no mark."""
    defined = set(_DEFINED.findall(text))
    tally.add("footnotes", count=len(defined))
    text = _FOOTNOTE_TEXT.sub("", _remove_bare_footnote_numbers(text))
    text = _FOOTNOTE_MARK.sub(lambda found: "" if found[1] in defined else found[0], text)
    return _HTML_FOOTNOTE_MARK.sub("", text)


def _open_headings(text: str) -> str:
    """Return ``text`` with a space in each heading that lacks it, as CommonMark wants, outside code."""
    lines = text.split("\n")
    if not any(map(_HEADING_WITHOUT_SPACE.match, lines)):
        return text
    in_code = _lines_of_code(text)
    return "\n".join(
        line if number in in_code else _HEADING_WITHOUT_SPACE.sub(r"\1 ", line) for number, line in enumerate(lines)
    )


def _lines_of_code(text: str) -> set[int]:
    """Return the numbers of the lines of blocks of code, from 0."""
    from markdown_it import MarkdownIt

    found: set[int] = set()
    for token in MarkdownIt("commonmark", {"maxNesting": 100}).enable("table").parse(text):
        if token.type in {"fence", "code_block"} and token.map:
            found.update(range(*token.map))
    return found


def _guard_code(text: str) -> str:
    """Replace what could pass for a footnote mark or a link in code; :func:`_unguard` undoes it."""
    if "[^" not in text and "<sup" not in text and not _TEMPLATE_LINK.search(text):
        return text
    lines = text.split("\n")
    in_code = _lines_of_code(text)
    pieces: list[list[str]] = []
    states: list[bool] = []
    for number, line in enumerate(lines):
        if not states or states[-1] != (number in in_code) or not line.strip():
            pieces.append([])
            states.append(number in in_code)
        pieces[-1].append(line)
    guarded = []
    for piece, is_code in zip(pieces, states, strict=True):
        part = "\n".join(piece)
        guarded.append(_guard(part) if is_code else _CODE_SPAN.sub(lambda found: _guard(found[0]), part))
    return "\n".join(guarded)


def _guard(code: str) -> str:
    return code.replace("[^", "[\ue0f0").replace("<sup", "<\ue0f1sup").replace("](", "]\ue0f2(")


def _unguard(text: str) -> str:
    return text.replace("[\ue0f0", "[^").replace("<\ue0f1sup", "<sup").replace("]\ue0f2(", "](")


def _remove_bare_footnote_numbers(text: str) -> str:
    """Remove footnote numbers that lost their brackets: ``… the Trust. 912 The next day``.

    A number is removed if a footnote with this number is defined, no mark in brackets refers to that footnote, and the
    number is between two sentences.
    """
    defined = set(re.findall(r"^\[\^(\d{1,4})\]:", text, re.MULTILINE))
    unreferenced = defined - set(re.findall(r"\[\^(\d{1,4})\](?!:)", text))
    if not unreferenced:
        return text
    return _BARE_NUMBER.sub(lambda found: "" if found.group(1) in unreferenced else found.group(), text)


def markdown_blocks(text: str) -> Iterator[Block]:  # noqa: PLR0912 — one case per kind of token
    """Yield the headings and paragraphs of a Markdown text; items are lines with a mark, table rows ``cell; cell``."""
    from markdown_it import MarkdownIt

    lines: list[str] = []  # of the current list or table
    row: list[str] | None = None
    numbers: list[int | None] = []  # the next number of each open list, None for bullets
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
                marker = bullet(numbers.count(None)) if numbers[-1] is None else f"{numbers[-1]}. "
                numbers[-1] = None if numbers[-1] is None else numbers[-1] + 1
            case "tr_open":
                row = []
            case "tr_close" if row is not None:
                lines.append(join_cells(row))
                row = None
            case "inline" if row is not None:
                row.append(_token_text(token).replace("\n", " "))
            case "inline" if heading:
                yield Block(text=_token_text(token), level=heading)
            case "inline" if numbers:
                lines.append(marker + _token_text(token))
                marker = ""
            case "inline":
                yield Block(text=_token_text(token))
            case "fence" | "code_block":
                if lines:  # of a list, which goes on in a block of its own after the code
                    yield Block(text="\n".join(lines))
                    lines = []
                yield Block(text=token.content, code=True)
            case "html_block":
                yield from _html_fragment(token.content)
        if lines and not numbers and (token.type.endswith("list_close") or token.type == "table_close"):
            yield Block(text="\n".join(lines))
            lines = []
    if lines:
        yield Block(text="\n".join(lines))


def _token_text(token: Token) -> str:
    """Return the text of an inline token without mark-up and attributes; links and images give their text."""
    words = []
    children = token.children or ()
    for before, child, behind in zip((None, *children), children, (*children[1:], None), strict=False):
        match child.type:
            case "text":
                words.append(_without_attributes(child.content, before, behind))
            case "code_inline" | "text_special":
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


def _without_attributes(text: str, before: Token | None, behind: Token | None) -> str:
    """Return the ``text`` between two tokens without lists of attributes."""
    text = _ATTRIBUTE_LIST.sub("", text)
    if "{" not in text:
        return text
    if before and before.type in {"link_close", "image"} and (found := _ATTRIBUTES_WITHOUT_COLON.match(text)):
        text = text[found.end() :]
    if behind is None:
        found = next((each for each in _ATTRIBUTES_WITHOUT_COLON.finditer(text) if each.end() == len(text)), None)
        text = text[: found.start()] if found else text
    return text


def _html_fragment(source: str) -> Iterator[Block]:
    from lxml import etree, html

    from rag.ingest.html.blocks import html_blocks
    from rag.ingest.html.footnotes import remove_footnotes

    try:
        tree = html.fragment_fromstring(source, create_parent="div")
    except (etree.ParserError, ValueError):  # only a comment or white space
        return
    remove_footnotes(tree)
    yield from html_blocks(tree)
