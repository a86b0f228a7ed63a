"""A brief as somebody wrote it → its claims, and what it says of the sources they cite.

Reads our JSON and any Markdown with ``[n]`` markers and a source list. Nothing is trusted: a marker without a source, a
sentence without a marker and a passage whose id was made up are all read, since to tell them is what a check is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.errors import ReadError, UsageError
from rag.text import split_sentences
from rag.types import Chunk, Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A source as the brief lists it: its words, the passage where the file has it, and what is wrong with it."""

    entry: str
    chunk: Chunk | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedBrief:
    """Claims in reading order, ``sources`` by what claims cite, and ``spare`` passages, retrieved but not cited.

    ``raw`` is the JSON that they were read from, {} for Markdown.
    """

    claims: tuple[Claim, ...]
    sources: Mapping[str, Listed]
    spare: tuple[Chunk, ...] = field(default=())
    raw: Mapping[str, Any] = field(default_factory=dict)


def read_claims(path: str | Path) -> ParsedBrief:
    """The claims of the brief at ``path``; none where it says that the corpus does not answer its question.

    Raises:
        UsageError: there is no such file.
        ReadError: it is not text, or no brief: it has no sentence.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ReadError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        found = _from_json(text) if Path(path).suffix.lower() == ".json" else from_markdown(text)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReadError(f"{path}: not the JSON of a brief ({type(error).__name__}: {error})") from None
    if not found.claims and found.raw.get("status") != "insufficient_evidence":
        raise ReadError(f"{path}: no sentence to check; a brief has sentences, [n] markers and a source list")
    return found


def _from_json(text: str) -> ParsedBrief:
    brief = json.loads(text)
    if not str(brief.get("schema", "")).startswith("citebrief.brief/"):
        raise ValueError('no "schema": "citebrief.brief/1"')
    parts = [("summary", brief.get("summary", ()))]
    parts += [(f"{n}. {part.get('heading', '')}", part["sentences"]) for n, part in enumerate(brief["sections"], 1)]
    parts += [("conclusion", brief.get("conclusion", ()))]
    parts += [(DISAGREEMENTS, [side for each in brief.get("disagreements", ()) for side in each["sides"]])]
    claims = [
        Claim(text=str(row["text"]), citations=tuple(map(str, row.get("citations") or ())), where=where)
        for where, rows in parts
        for row in rows
    ]
    sources = {str(row["chunk_id"]): _listed(row) for row in brief["sources"]}
    others = [
        _listed({**row["passage"], "chunk_id": row["chunk_id"]})
        for row in brief.get("evidence", ())
        if row.get("passage")
    ]
    spare = tuple(each.chunk for each in others if each.chunk and not each.fault)
    return ParsedBrief(claims=tuple(claims), sources=sources, spare=spare, raw=brief)


def _listed(row: Mapping[str, Any]) -> Listed:
    text, start = str(row["text"]), int(row.get("start") or 0)
    chunk = Chunk(
        id=str(row["chunk_id"]),
        document_id=str(row.get("document_id", "")),
        text=text,
        start=start,
        end=start + len(text),
        heading_path=tuple(row.get("heading_path") or ()),
        pages=tuple(row["pages"]) if row.get("pages") else None,
        title=str(row.get("title", "")),
        source=str(row.get("source", "")),
        date=row.get("date"),
    )
    fault = "" if chunk.genuine else f"{chunk.id} is not the id of the passage that the file gives"
    return Listed(entry=chunk.id, chunk=chunk, fault=fault)


DISAGREEMENTS = "disagreements"

_NUMBER = r"\[\^?(\d{1,4})\]"
_ENTRY = re.compile(rf"^\s{{0,3}}(?:[-*+]\s+)?{_NUMBER}:?\s+(\S.*)$")
_NUMBERED = re.compile(r"^\s{0,3}(\d{1,4})[.)]\s+(\S.*)$")
_HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s*)?[*_]*([A-Za-z][A-Za-z ]*?):?[*_]*:?\s*#*$")
_SOURCES = {"sources", "source list", "references", "citations", "bibliography", "works cited", "footnotes"}
_MARKER = re.compile(r"\s?\[\^?(\d{1,4}(?:\s*[,;–-]\s*\^?\d{1,4})*)\]")
_AFTER_STOP = re.compile(rf"([.!?…][\"'”’)]*)((?:{_MARKER.pattern})+)")
_STOP = re.compile(r"[.!?…:;][\"'”’)\]]*\s*$")
_NO_CLAIMS = {"sources", "what the corpus does not say", "what was searched", "nearest passages"}
SHORT = 14
"""A line of fewer words, without a stop or a marker, is a heading even where nothing marks it as one."""


def from_markdown(text: str) -> ParsedBrief:
    """The claims and the source list of a brief in Markdown, ours or another's.

    A marker belongs to the sentence that it stands in, or right after. ``[1, 3]`` and ``[1-3]`` cite each number.
    """
    from markdown_it import MarkdownIt

    prose, sources = _source_list(text)
    claims: list[Claim] = []
    where, counted = "", True
    tokens = MarkdownIt("commonmark").enable("table").parse(prose)
    for place, token in enumerate(tokens):
        if token.type != "inline":
            continue
        content, links = _plain(token.children or ())
        sources = {**{n: Listed(entry=link) for n, link in links.items()}, **sources}
        if tokens[place - 1].type == "heading_open":
            where, counted = content, content.casefold() not in _NO_CLAIMS
            continue
        for block in _blocks(content):
            if _is_heading(block):
                where, counted = block, block.casefold() not in _NO_CLAIMS
            elif counted and not _is_footer(token.children or ()):
                claims += [Claim(text=said, citations=cited, where=where) for said, cited in _claims(block)]
    return ParsedBrief(claims=tuple(claims), sources=sources)


def _source_list(text: str) -> tuple[str, dict[str, Listed]]:
    """``text`` without its source list, and the list. Entries begin ``[n]`` anywhere, under its heading also ``n.``"""
    sources: dict[str, Listed] = {}
    prose: list[str] = []
    listing, last = False, ""
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading and (line.lstrip().startswith("#") or heading[1].strip().casefold() in _SOURCES):
            listing, last = heading[1].strip().casefold() in _SOURCES, ""
        entry = _ENTRY.match(line) or (_NUMBERED.match(line) if listing else None)
        if entry:
            last = entry[1]
            sources[last] = Listed(entry=entry[2].strip())
        elif last and line.strip() and (listing or line.startswith("  ")):
            sources[last] = Listed(entry=f"{sources[last].entry} {line.strip()}")
        else:
            last = ""
            prose.append("" if listing else line)
    return "\n".join(prose), sources


def _plain(children: Any) -> tuple[str, dict[str, str]]:
    """The text of a paragraph, line breaks kept, and the address of every link whose text is a number."""
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
    """``content`` in parts: lines that look like a heading stand alone, the others run on."""
    held: list[str] = []
    for line in content.split("\n"):
        if _is_heading(line) and (not held or _STOP.search(_MARKER.sub("", held[-1]))):
            if held:
                yield " ".join(held)
            held = []
            yield line.strip()
        else:
            held.append(line)
    if held:
        yield " ".join(held)


def _is_heading(line: str) -> bool:
    words = line.split()
    return 0 < len(words) < SHORT and not _STOP.search(line) and not _MARKER.search(line) and not words[0][:1].islower()


def _is_footer(children: Any) -> bool:
    """Whether all of a paragraph is in italics and cites nothing: our own line on how a brief was made."""
    return bool(children) and children[0].type == "em_open" and children[-1].type == "em_close"


def _claims(block: str) -> Iterator[tuple[str, tuple[str, ...]]]:
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
        cited = dict.fromkeys(number for place, number in marks if start < place <= end)
        said = " ".join(plain[start:end].split())
        if cited or not said.endswith("?"):  # a question claims nothing
            yield said, tuple(cited)


def _numbers(listed: str) -> Iterator[str]:
    for part in re.split(r"\s*[,;]\s*", listed.replace("^", "")):
        ends = [int(end) for end in re.split(r"\s*[–-]\s*", part)]
        yield from map(str, range(ends[0], min(ends[-1], ends[0] + 50) + 1))
