"""Render a brief as one self-contained HTML file, without scripts, fonts or requests.

Every ``[n]`` is a button that opens its passage as a popover of the browser
(https://html.spec.whatwg.org/multipage/popover.html). Popovers work with a keyboard and a screen reader and need no
script. The content security policy allows the embedded style sheet, named by its hash, and nothing else.
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

from rag.render import cleaning, wording
from rag.text import MARKS
from rag.types import Brief, Chunk, Quote, Sentence

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent

# Line breaks to show: paragraph breaks, and those before a list item. All others come from text extraction.
_BREAK = re.compile(rf"[ \t\r]*\n\s*\n\s*|\s*\n(?=[ \t]*(?:[{MARKS}·]|\d{{1,3}}[.)])\s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marker:
    """A citation marker ``[n]``. ``id`` is unique on the page; ``passage`` has the quotes of its sentence marked."""

    id: str
    n: int
    chunk: Chunk
    passage: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class _MarkedSentence:
    """A sentence in parts: ``body``, the ``last`` word, the markers, and the full ``stop`` after them.

    The last word is separate because no line may break between it and the first marker.
    """

    body: str
    last: str
    stop: str
    markers: tuple[_Marker, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A heading and its sentences; ``id`` is its anchor."""

    id: str
    heading: str
    sentences: tuple[_MarkedSentence, ...]


def to_html(brief: Brief) -> str:
    """Return ``brief`` as one self-contained page."""
    css = (_TEMPLATES / "brief.css").read_text(encoding="utf-8")
    numbers = wording.source_numbers(brief)
    marker_factory = _MarkerFactory(brief, numbers)
    page = _template().render(
        brief=brief,
        wording=wording,
        cleaning=cleaning,
        css=css,
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        parts=list(_parts(brief, marker_factory)),
        disagreements=[(each.about, marker_factory.mark(each.sides)) for each in brief.disagreements],
        sources=[(numbers[chunk.id], chunk, _passage(chunk, _quotes(brief, chunk))) for chunk in brief.cited()],
        nearest=[(hit.chunk, _passage(hit.chunk, ())) for hit in wording.nearest_hits(brief)],
    )
    return page.rstrip() + "\n"


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("brief.html")


class _MarkerFactory:
    """Adds markers to sentences and gives each marker an id that is unique on the page."""

    def __init__(self, brief: Brief, numbers: dict[str, int]) -> None:
        self._numbers = numbers
        self._chunks = {chunk.id: chunk for chunk in brief.cited()}
        self._count = 0

    def mark(self, sentences: Iterable[Sentence]) -> tuple[_MarkedSentence, ...]:
        return tuple(self._mark_sentence(sentence) for sentence in sentences)

    def _mark_sentence(self, sentence: Sentence) -> _MarkedSentence:
        body, stop = cleaning.split_final_stop(cleaning.running_text(sentence.text))
        start, _, last = body.rpartition(" ")
        if len(last) > 30:  # a word this long may have to be broken across lines
            start, last = body, ""
        markers = tuple(self._marker(sentence, cited) for cited in sentence.citations)
        return _MarkedSentence(body=start, last=last, stop=stop, markers=markers)

    def _marker(self, sentence: Sentence, cited: str) -> _Marker:
        self._count += 1
        chunk = self._chunks[cited]
        passage = _passage(chunk, (quote for quote in sentence.quotes if quote.chunk_id == cited))
        return _Marker(id=f"c{self._count}", n=self._numbers[cited], chunk=chunk, passage=passage)


def _parts(brief: Brief, marker_factory: _MarkerFactory) -> Iterator[_Part]:
    if brief.summary:
        yield _Part(id="summary", heading=wording.SUMMARY, sentences=marker_factory.mark(brief.summary))
    for n, section in enumerate(brief.sections, start=1):
        heading = f"{n}. {cleaning.running_text(section.heading)}"
        yield _Part(id=f"section-{n}", heading=heading, sentences=marker_factory.mark(section.sentences))
    if brief.conclusion:
        yield _Part(id="conclusion", heading=wording.CONCLUSION, sentences=marker_factory.mark(brief.conclusion))


def _quotes(brief: Brief, chunk: Chunk) -> Iterator[Quote]:
    for sentence in brief.sentences():
        yield from (quote for quote in sentence.quotes if quote.chunk_id == chunk.id)


def _passage(chunk: Chunk, quotes: Iterable[Quote]) -> Markup:
    """Return the complete text of the chunk with the quotes in ``<mark>``."""
    from markupsafe import Markup

    pieces: list[Markup] = []
    end = 0
    for start, stop in _merged(quotes):
        pieces += [
            _with_line_breaks(chunk.text[end:start]),
            Markup("<mark>"),
            _with_line_breaks(chunk.text[start:stop]),
            Markup("</mark>"),
        ]
        end = stop
    return Markup("").join([*pieces, _with_line_breaks(chunk.text[end:])])


def _merged(quotes: Iterable[Quote]) -> list[tuple[int, int]]:
    """Return the spans of the quotes in order, with overlapping and adjacent ones joined."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted((quote.start, quote.end) for quote in quotes):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _with_line_breaks(text: str) -> Markup:
    """Return ``text`` escaped, with the line breaks to show in ``<span class=break>``."""
    from markupsafe import Markup, escape

    pieces: list[Markup] = []
    end = 0
    for match in _BREAK.finditer(text):
        pieces += [escape(text[end : match.start()]), Markup('<span class="break">{}</span>').format(match.group())]
        end = match.end()
    joined = Markup("").join([*pieces, escape(text[end:])])
    # HTML does not allow NUL, and parses a carriage return as a line feed.
    return Markup(str(joined).replace("\0", "\ufffd").replace("\r", "&#13;"))
