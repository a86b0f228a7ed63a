"""Parse a brief in Markdown: sentences with ``[n]`` markers, and a source list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.check.parsed_brief import ListedSource, ParsedBrief
from rag.text import split_sentences
from rag.types import Claim

_NUMBER = r"\[\^?(\d{1,4})\]"
_ENTRY = re.compile(rf"^\s{{0,3}}(?:[-*+]\s+)?{_NUMBER}:?\s+(\S.*)$")
_NUMBERED = re.compile(r"^\s{0,3}(\d{1,4})[.)]\s+(\S.*)$")
_HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s*)?[*_]*([A-Za-z][A-Za-z ]*?):?[*_]*:?\s*#*$")
_SOURCES = {"sources", "source list", "references", "citations", "bibliography", "works cited", "footnotes"}
_MARKER = re.compile(r"\s?\[\^?(\d{1,4}(?:\s*[,;–-]\s*\^?\d{1,4})*)\]")
_AFTER_STOP = re.compile(rf"([.!?…][\"'”’)]*)((?:{_MARKER.pattern})+)")
_STOP = re.compile(r"[.!?…:;][\"'”’)\]]*\s*$")
_NO_CLAIMS = {"sources", "what the corpus does not say", "what was searched", "nearest passages"}
_MAX_HEADING_WORDS = 13
"""An unmarked line of at most this many words, without a stop or a marker, is a heading."""


def parse_markdown(text: str) -> ParsedBrief:
    """Parse the claims and the source list of a brief in Markdown, written by citebrief or anything else.

    A marker belongs to the sentence that contains it or that it directly follows. ``[1, 3]`` and ``[1-3]`` cite each
    number.
    """
    from markdown_it import MarkdownIt

    prose, sources = _split_source_list(text)
    claims: list[Claim] = []
    heading, has_claims = "", True
    tokens = MarkdownIt("commonmark").enable("table").parse(prose)
    for position, token in enumerate(tokens):
        if token.type != "inline":
            continue
        content, links = _plain(token.children or ())
        sources = {**{n: ListedSource(entry=link) for n, link in links.items()}, **sources}
        if tokens[position - 1].type == "heading_open":
            heading, has_claims = content, content.casefold() not in _NO_CLAIMS
            continue
        for block in _blocks(content):
            if _is_heading(block):
                heading, has_claims = block, block.casefold() not in _NO_CLAIMS
            elif has_claims and not _is_provenance(token.children or ()):
                claims += [Claim(text=sentence, citations=cited, where=heading) for sentence, cited in _claims(block)]
    return ParsedBrief(claims=tuple(claims), sources=sources)


def _split_source_list(text: str) -> tuple[str, dict[str, ListedSource]]:
    """Separate the source list from the rest of ``text``.

    Lines that begin with ``[n]`` are entries wherever they are; under a heading such as "Sources" so are lines that
    begin with ``n.``.
    """
    sources: dict[str, ListedSource] = {}
    prose: list[str] = []
    in_list, last = False, ""
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading and (line.lstrip().startswith("#") or heading[1].strip().casefold() in _SOURCES):
            in_list, last = heading[1].strip().casefold() in _SOURCES, ""
        entry = _ENTRY.match(line) or (_NUMBERED.match(line) if in_list else None)
        if entry:
            last = entry[1]
            sources[last] = ListedSource(entry=entry[2].strip())
        elif last and line.strip() and (in_list or line.startswith("  ")):
            sources[last] = ListedSource(entry=f"{sources[last].entry} {line.strip()}")
        else:
            last = ""
            prose.append("" if in_list else line)
    return "\n".join(prose), sources


def _plain(children: Any) -> tuple[str, dict[str, str]]:
    """Return the text of a paragraph with its line breaks, and the addresses of links whose text is a number."""
    parts: list[str] = []
    links: dict[str, str] = {}
    href = ""
    for child in children:
        if child.type == "link_open":
            href = str(child.attrGet("href") or "")
        elif child.type == "link_close":
            href = ""
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type in ("text", "code_inline", "text_special"):
            number = re.fullmatch(r"\[?(\d{1,4})\]?", child.content.strip())
            if href and number:
                links[number[1]] = href
            parts.append(f" [{number[1]}]" if href and number else child.content)
    return "".join(parts).strip(), links


def _blocks(content: str) -> Iterator[str]:
    """Split ``content`` into headings, one line each, and joined runs of the other lines."""
    lines: list[str] = []
    for line in content.split("\n"):
        if _is_heading(line) and (not lines or _STOP.search(_MARKER.sub("", lines[-1]))):
            if lines:
                yield " ".join(lines)
            lines = []
            yield line.strip()
        else:
            lines.append(line)
    if lines:
        yield " ".join(lines)


def _is_heading(line: str) -> bool:
    words = line.split()
    return (
        0 < len(words) <= _MAX_HEADING_WORDS
        and not _STOP.search(line)
        and not _MARKER.search(line)
        and not words[0][:1].islower()
    )


def _is_provenance(children: Any) -> bool:
    """Return whether a paragraph begins and ends in italics, like citebrief's own line on how a brief was made."""
    return bool(children) and children[0].type == "em_open" and children[-1].type == "em_close"


def _claims(block: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each sentence of ``block`` without its markers, and the numbers that it cites."""
    block = _AFTER_STOP.sub(lambda m: f"{m[2]}{m[1]}", block)
    parts: list[str] = []
    marks: list[tuple[int, str]] = []
    size = at = 0
    for marker in _MARKER.finditer(block):
        parts.append(block[at : marker.start()])
        size += len(parts[-1])
        marks += [(size, number) for number in _numbers(marker[1])]
        at = marker.end()
    plain = "".join([*parts, block[at:]])
    for start, end in split_sentences(plain):
        cited = dict.fromkeys(number for position, number in marks if start < position <= end)
        sentence = " ".join(plain[start:end].split())
        if cited or not sentence.endswith("?"):  # a question is not a claim
            yield sentence, tuple(cited)


def _numbers(marker: str) -> Iterator[str]:
    """Yield the numbers of a marker such as ``1, 3`` or ``1-3``; a range yields at most 51."""
    for part in re.split(r"\s*[,;]\s*", marker.replace("^", "")):
        ends = [int(end) for end in re.split(r"\s*[–-]\s*", part)]
        yield from map(str, range(ends[0], min(ends[-1], ends[0] + 50) + 1))
