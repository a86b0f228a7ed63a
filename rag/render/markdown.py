"""Render a brief as CommonMark, escaped so that GitHub's dialect reads it the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rag.render import cleaning, wording
from rag.types import Brief, Chunk, Sentence

# Characters that start emphasis, code, links, images, strike-through or a table anywhere in a line.
_ACTIVE = re.compile(r"[\\`*\[\]~|]")
# Underscores, except between letters or digits, where they are plain characters.
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# Characters that turn a line into a heading, a quotation, a list, a rule or an underline.
_LINE_START = re.compile(r"^(?:[>]|#{1,6}(?=\s|$)|[-+=])")
_HEADING_END = re.compile(r"(?<=\s)#+$")
_LIST_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def to_markdown(brief: Brief) -> str:
    """Return ``brief`` as Markdown: title, summary, numbered sections, conclusion, gaps, sources and provenance."""
    blocks = [f"# {_escape(cleaning.running_text(brief.question))}"]
    blocks += _body(brief) if brief.sections else _no_answer(brief)
    if brief.trace.notices:
        blocks.append("\n".join(f"- Note: {_escape(cleaning.single_line(notice))}" for notice in brief.trace.notices))
    blocks += ["---", f"*{_escape(wording.provenance(brief))} {_escape(wording.check_summary(brief))}*"]
    return "\n\n".join(blocks) + "\n"


def _body(brief: Brief) -> Iterator[str]:
    numbers = wording.source_numbers(brief)
    if brief.summary:
        yield f"## {wording.SUMMARY}"
        yield _paragraph(brief.summary, numbers)
    for n, section in enumerate(brief.sections, start=1):
        yield f"## {n}. {_escape(cleaning.running_text(section.heading))}"
        yield _paragraph(section.sentences, numbers)
    if brief.conclusion:
        yield f"## {wording.CONCLUSION}"
        yield _paragraph(brief.conclusion, numbers)
    if brief.disagreements:
        yield f"## {wording.DISAGREEMENTS}"
        for each in brief.disagreements:
            sides = "\n".join(f"- {_paragraph([side], numbers)}" for side in each.sides)
            yield f"**{_escape(cleaning.running_text(each.about))}**\n\n{sides}"
    yield from _gaps(brief)
    yield f"## {wording.SOURCES}"
    yield "\n".join(f"- [{n}] {_source(chunk)}" for n, chunk in enumerate(brief.cited(), start=1))


def _no_answer(brief: Brief) -> Iterator[str]:
    yield f"**{wording.NO_ANSWER}**"
    yield f"## {wording.SEARCHED}"
    yield _escape(wording.search_summary(brief))
    yield from _gaps(brief)
    if brief.evidence:
        yield f"## {wording.NEAREST_PASSAGES}"
    for n, hit in enumerate(wording.nearest_hits(brief), start=1):
        yield f"{n}. {_source(hit.chunk)}\n\n   > {_escape(cleaning.single_line(hit.chunk.text))}"


def _gaps(brief: Brief) -> Iterator[str]:
    if brief.gaps:
        yield f"## {wording.GAPS}"
        yield "\n".join(f"- {_escape(cleaning.running_text(gap))}" for gap in brief.gaps)


def _paragraph(sentences: Iterable[Sentence], numbers: dict[str, int]) -> str:
    return " ".join(_sentence(sentence, numbers) for sentence in sentences)


def _sentence(sentence: Sentence, numbers: dict[str, int]) -> str:
    body, stop = cleaning.split_final_stop(cleaning.running_text(sentence.text))
    return f"{_escape(body)} {wording.markers(sentence, numbers)}{stop}"


def _source(chunk: Chunk) -> str:
    """Return ``Title — headings, p. 33 — source, date — chunk id``."""
    parts = [
        _escape(wording.title(chunk)),
        _escape(wording.location(chunk)),
        ", ".join(part for part in (_address(chunk.source), _escape(cleaning.single_line(chunk.date or ""))) if part),
        _code(chunk.id),
    ]
    return " — ".join(part for part in parts if part)


def _address(source: str) -> str:
    """Return a web address as a link, any other source as a code span."""
    if url := cleaning.web_address(source):
        return f"<{url}>"
    return _code(cleaning.single_line(source))


def _code(text: str) -> str:
    """Return a code span, which contains no markup. Its fence is longer than any run of back quotes in ``text``."""
    if not text:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _escape(text: str) -> str:
    """Escape one line of ``text`` so that Markdown shows exactly its characters, at any position in a line."""
    text = _ACTIVE.sub(r"\\\g<0>", text)
    for pattern in (_UNDERSCORE, _TAG, _ENTITY, _LINE_START, _HEADING_END):
        text = pattern.sub(r"\\\g<0>", text)
    return _LIST_NUMBER.sub(r"\1\\\2", text)
