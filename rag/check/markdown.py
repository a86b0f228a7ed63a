"""Parse a brief in Markdown: sentences with citation marks (``marks``), and a source list (``source_list``)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from rag.check.marks import LINK_END, LINK_START, MarkReader
from rag.check.parsed_brief import ListedSource, ParsedBrief
from rag.check.source_list import Entry, SourceList, split_source_list
from rag.text import split_sentences
from rag.types import Claim

_STOP = re.compile(r"[.!?…:;][\"'”’)\]]*\s*$")
_NO_CLAIMS = {"sources", "what was not found", "what the corpus does not say", "what was searched", "nearest passages"}
_MAX_HEADING_WORDS = 13
"""An unmarked line of at most this many words, without a stop or a marker, is a heading."""
_NUMBER_LINK = re.compile(r"\[?\^?(\d{1,4})\]?")
_PLAIN_NUMBERS = re.compile(r"\[\[?[\d\s,;–—-]+\]\]?")
_NUMBER_IN_CODE = re.compile(r"\[\^?\d{1,4}\]")
_BARE_ADDRESS = re.compile(r"https?://[^\s<>\"'`\[\]]+")
_CODE = {ord(mark): 0xE010 + number for number, mark in enumerate("[](){}【】\\@⁰¹²³⁴⁵⁶⁷⁸⁹")}
"""Puts characters of the private use area, which no text has, in the place of those with which marks begin and end."""
_FROM_CODE = {stand_in: mark for mark, stand_in in _CODE.items()}
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def parse_markdown(text: str) -> ParsedBrief:
    """Parse the claims and the source list of a brief in Markdown, written by citebrief or anything else.

    A mark belongs to the sentence that contains it or that it directly follows. ``rag/check/marks.py`` lists the marks.
    A mark that leads to no entry is a citation of what it says; the sources then lack it.
    """
    from markdown_it import MarkdownIt

    prose, listed = split_source_list(text)
    tokens = MarkdownIt("commonmark").enable("table").parse(prose)
    plain = _PlainText()
    paragraphs = [
        (tokens[position - 1].type == "heading_open", plain.read(token.children or ()), token.children or ())
        for position, token in enumerate(tokens)
        if token.type == "inline"
    ]
    sources = SourceList(entries=(*listed.entries, *plain.numbered(listed)))
    reader = _reader([content for _, content, _ in paragraphs], sources, plain.links)
    claims: list[Claim] = []
    heading, has_claims = "", True
    for begins_heading, content, children in paragraphs:
        is_marked_heading = begins_heading or _is_label(content, children, reader)
        for block in [content] if is_marked_heading else _blocks(content, reader):
            if is_marked_heading or _is_heading(block, reader):
                heading = _without_links(block).translate(_FROM_CODE)
                has_claims = heading.casefold() not in _NO_CLAIMS
            elif has_claims and not _is_provenance(children):
                claims += [
                    Claim(text=sentence, citations=cited, where=heading) for sentence, cited in _claims(block, reader)
                ]
    named = dict(zip(sources.keys, (entry.text for entry in sources.entries), strict=True))
    cited = {key: key for claim in claims for key in claim.citations if _names_itself(key)}
    return ParsedBrief(
        claims=tuple(claims), sources={key: ListedSource(entry=entry) for key, entry in {**cited, **named}.items()}
    )


@dataclass(slots=True)
class _PlainText:
    """Turns the inline tokens of paragraphs into text; ``links`` are the destinations of all of their links."""

    links: list[str] = field(default_factory=list)
    _numbers: dict[str, str] = field(default_factory=dict)

    def read(self, children: Sequence[Any]) -> str:
        """Return the text of a paragraph with its line breaks, and a placeholder after the text of each link.

        A link whose text is a number becomes that number in square brackets.
        """
        parts: list[str] = []
        href, label, raised = "", "", False
        for child in children:
            if child.type == "link_open":
                href, label = str(child.attrGet("href") or ""), ""
            elif child.type == "link_close":
                parts.append(self._link(href, label))
                href = ""
            elif child.type in ("softbreak", "hardbreak"):
                parts.append("\n")
            elif child.type == "html_inline":
                tag = child.content.casefold()
                raised = tag.startswith("<sup") or (raised and not tag.startswith("</sup"))
            elif child.type == "code_inline" and not href and not _NUMBER_IN_CODE.fullmatch(child.content):
                parts.append(child.content.translate(_CODE))
            elif child.type in ("text", "code_inline", "text_special"):
                if href:
                    label += child.content
                elif raised:
                    parts.append(child.content.translate(_RAISED) if "[" not in child.content else child.content)
                else:
                    parts.append(_BARE_ADDRESS.sub(self._bare, child.content))
        return "".join(parts).strip()

    def numbered(self, listed: SourceList) -> list[Entry]:
        """Return an entry for each number that a link gives a destination and ``listed`` does not have."""
        return [Entry(labels=[n], text=href) for n, href in self._numbers.items() if listed.by_label(n) is None]

    def _link(self, href: str, label: str) -> str:
        number = _NUMBER_LINK.fullmatch(label.strip())
        if number:
            self._numbers.setdefault(number[1], _source_of(href))
            return f" [{number[1]}]"
        if not href or href.startswith("#") or urlsplit(href).scheme not in ("", "http", "https", "file"):
            return label
        return ("" if label == href else label) + self._placeholder(_source_of(href))

    def _bare(self, found: re.Match[str]) -> str:
        address = found[0].rstrip(".,;:!?")
        if address.endswith(")") and "(" not in address:
            address = address.rstrip(")")
        return self._placeholder(address) + found[0][len(address) :]

    def _placeholder(self, source: str) -> str:
        self.links.append(source)
        return f"{LINK_START}{len(self.links) - 1}{LINK_END}"


def _source_of(href: str) -> str:
    """Return the address, or the path without what is encoded in it and without a place in the file."""
    if urlsplit(href).scheme in ("http", "https"):
        return href
    return unquote(href.removeprefix("file://").split("#")[0])


def _names_itself(key: str) -> bool:
    """Return whether a key that no entry has says by itself what is cited: an address or a file's name."""
    return bool(re.match(r"https?://", key) or re.search(r"\.[A-Za-z]\w{1,4}$", key))


def _reader(paragraphs: Sequence[str], sources: SourceList, links: Sequence[str]) -> MarkReader:
    """Return the reader of the marks of ``paragraphs``, which knows in which notations they cite."""
    strict = MarkReader(sources=sources, links=links, has_plain_marks=True)
    plain = [(text[mark.start : mark.end], mark) for text in paragraphs for mark in strict.marks(text) if not mark.weak]
    resolved = [written for written, mark in plain if any(map(sources.by_label, mark.keys))]
    other = bool(resolved) and not any(map(_PLAIN_NUMBERS.fullmatch, resolved))
    return replace(strict, has_plain_marks=bool(plain), has_other_notation=other)


def _without_links(text: str) -> str:
    return re.sub(rf"{LINK_START}\d+{LINK_END}", "", text)


def _blocks(content: str, reader: MarkReader) -> Iterator[str]:
    """Split ``content`` into headings, one line each, and joined runs of the other lines."""
    lines: list[str] = []
    for line in content.split("\n"):
        if _is_heading(line, reader) and (not lines or _STOP.search(_unmarked(lines[-1], reader)[0])):
            if lines:
                yield " ".join(lines)
            lines = []
            yield line.strip()
        else:
            lines.append(line)
    if lines:
        yield " ".join(lines)


def _is_heading(line: str, reader: MarkReader) -> bool:
    words = line.split()
    return (
        0 < len(words) <= _MAX_HEADING_WORDS
        and not _STOP.search(line)
        and not words[0][:1].islower()
        and not reader.marks(line)
    )


def _is_label(content: str, children: Any, reader: MarkReader) -> bool:
    """Return whether a paragraph is all bold and no sentence, like what a disagreement is about."""
    kinds = [child.type for child in children if child.type != "text" or child.content]
    is_bold = kinds[:1] == ["strong_open"] and kinds[-1:] == ["strong_close"]
    return is_bold and not _STOP.search(content) and not reader.marks(content)


def _is_provenance(children: Any) -> bool:
    """Return whether a paragraph begins and ends in italics, like citebrief's own line on how a brief was made."""
    return bool(children) and children[0].type == "em_open" and children[-1].type == "em_close"


def _claims(block: str, reader: MarkReader) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each sentence of ``block`` without its marks, and the keys that it cites."""
    plain, marks = _unmarked(block, reader)
    for start, end in _sentences(plain, {position + 1 for position, _, _ in marks}):
        inside = [(keys, weak) for position, keys, weak in marks if start < position <= end]
        counted = [keys for keys, weak in inside if not weak] or [keys for keys, _ in inside]
        cited = tuple(dict.fromkeys(key for keys in counted for key in keys))
        sentence = " ".join(plain[start:end].translate(_FROM_CODE).split())
        if cited or not sentence.endswith("?"):  # a question is not a claim
            yield sentence, cited


def _sentences(plain: str, ends: Container[int]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the sentences of ``plain``. A full stop that ends at one of ``ends``, behind a mark, ends one.

    It is no abbreviation's: "as the team said [1]. 37signals pays half [2]."
    One that follows another full stop may be: "Sec. [1]. 230".
    """
    for start, end in split_sentences(plain):
        stops = [
            at for at in range(start + 2, end) if at in ends and plain[at - 1 : at + 1] == ". " and plain[at - 2] != "."
        ]
        yield from pairwise((start, *stops, end))


def _unmarked(text: str, reader: MarkReader) -> tuple[str, list[tuple[int, tuple[str, ...], bool]]]:
    """Return ``text`` without its marks, and for each mark its place in that text, its keys and whether it is weak."""
    plain = ""
    marks = []
    at = 0
    for mark in reader.marks(text):
        plain += text[at : mark.start]
        if text[mark.start] != LINK_START:
            plain = plain.rstrip()
        marks.append((max(len(plain), 1), mark.keys, mark.weak))
        at = mark.end
        if plain.endswith((".", "!", "?", "…")) and text[at : at + 1].isalnum():
            plain += " "
    return plain + text[at:], marks
