"""Brief → one HTML file that needs nothing else: no script, no font, no request.

Every ``[n]`` is a button that opens its passage through the browser's own popover
(https://html.spec.whatwg.org/multipage/popover.html), so a keyboard and a screen reader can use it and the page's
policy can forbid every script. The policy names the one style sheet by its hash and allows nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.render import wording
from rag.types import Brief, Chunk, Quote, Sentence

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_HERE = Path(__file__).parent

# A paragraph break, or a line break before a list item: shown. Other line breaks are the extraction's, and flow.
_BREAK = re.compile(r"[ \t\r]*\n\s*\n\s*|\s*\n(?=[ \t]*(?:[-*+•·]|\d{1,3}[.)])\s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marker:
    """One ``[n]``: ``id`` is unique on the page; ``passage`` has this sentence's quotes marked."""

    id: str
    n: int
    chunk: Chunk
    passage: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A sentence: its words but for the last, that last word (no line breaks between it and its first marker),
    the markers, and the full stop after them."""

    body: str
    last: str
    stop: str
    markers: tuple[_Marker, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A heading and the sentences under it; ``id`` is its anchor."""

    id: str
    heading: str
    lines: tuple[_Line, ...]


def to_html(brief: Brief) -> str:
    """``brief`` as one self-contained page."""
    css = (_HERE / "brief.css").read_text(encoding="utf-8")
    number = wording.numbers(brief)
    lines = _Lines(brief, number)
    page = _template().render(
        brief=brief,
        words=wording,
        css=css,
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        parts=list(_parts(brief, lines)),
        disagreements=[(each.about, lines.of(each.sides)) for each in brief.disagreements],
        sources=[(number[chunk.id], chunk, _passage(chunk, _quotes(brief, chunk))) for chunk in brief.cited()],
        nearest=[(hit.chunk, _passage(hit.chunk, ())) for hit in wording.nearest(brief)],
    )
    return page.rstrip() + "\n"


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("brief.html")


class _Lines:
    """Sentences → lines, giving every marker of the page an id of its own."""

    def __init__(self, brief: Brief, number: dict[str, int]) -> None:
        self._number = number
        self._chunks = {chunk.id: chunk for chunk in brief.cited()}
        self._used = 0

    def of(self, sentences: Iterable[Sentence]) -> tuple[_Line, ...]:
        return tuple(self._line(sentence) for sentence in sentences)

    def _line(self, sentence: Sentence) -> _Line:
        body, stop = wording.split_end(wording.prose(sentence.text))
        start, _, last = body.rpartition(" ")
        if len(last) > 30:  # a word this long may itself have to be broken
            start, last = body, ""
        markers = tuple(self._marker(sentence, cited) for cited in sentence.citations)
        return _Line(body=start, last=last, stop=stop, markers=markers)

    def _marker(self, sentence: Sentence, cited: str) -> _Marker:
        self._used += 1
        chunk = self._chunks[cited]
        passage = _passage(chunk, (quote for quote in sentence.quotes if quote.chunk_id == cited))
        return _Marker(id=f"c{self._used}", n=self._number[cited], chunk=chunk, passage=passage)


def _parts(brief: Brief, lines: _Lines) -> Iterator[_Part]:
    if brief.summary:
        yield _Part(id="summary", heading=wording.SUMMARY, lines=lines.of(brief.summary))
    for n, section in enumerate(brief.sections, start=1):
        heading = f"{n}. {wording.prose(section.heading)}"
        yield _Part(id=f"section-{n}", heading=heading, lines=lines.of(section.sentences))
    if brief.conclusion:
        yield _Part(id="conclusion", heading=wording.CONCLUSION, lines=lines.of(brief.conclusion))


def _quotes(brief: Brief, chunk: Chunk) -> Iterator[Quote]:
    for sentence in brief.sentences():
        yield from (quote for quote in sentence.quotes if quote.chunk_id == chunk.id)


def _passage(chunk: Chunk, quotes: Iterable[Quote]) -> Markup:
    """The chunk's text, every character of it, with the quotes in ``<mark>``."""
    from markupsafe import Markup

    pieces: list[Markup] = []
    end = 0
    for start, stop in _merged(quotes):
        pieces += [_flow(chunk.text[end:start]), Markup("<mark>"), _flow(chunk.text[start:stop]), Markup("</mark>")]
        end = stop
    return Markup("").join([*pieces, _flow(chunk.text[end:])])


def _merged(quotes: Iterable[Quote]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for start, end in sorted((quote.start, quote.end) for quote in quotes):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _flow(text: str) -> Markup:
    """``text`` escaped, with the line breaks that mean something in ``<span class=break>``."""
    from markupsafe import Markup, escape

    pieces: list[Markup] = []
    end = 0
    for match in _BREAK.finditer(text):
        pieces += [escape(text[end : match.start()]), Markup('<span class="break">{}</span>').format(match.group())]
        end = match.end()
    joined = Markup("").join([*pieces, escape(text[end:])])
    # HTML cannot carry NUL, and reads a bare carriage return as a line feed.
    return Markup(str(joined).replace("\0", "\ufffd").replace("\r", "&#13;"))
