"""Brief → Markdown (CommonMark, safe in GitHub's dialect), in the layout of the briefs that readers know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rag.render import wording
from rag.types import Brief, Chunk, Sentence

# Characters that start emphasis, code, links, images, strike-through or a table wherever they stand.
_ACTIVE = re.compile(r"[\\`*\[\]~|]")
# An underscore between letters or digits is a plain character.
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# What would make the line a heading, a quotation, a list, a rule or an underline.
_LINE_START = re.compile(r"^(?:[>]|#{1,6}(?=\s|$)|[-+=])")
_HEADING_END = re.compile(r"(?<=\s)#+$")
_LIST_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def to_markdown(brief: Brief) -> str:
    """``brief`` as Markdown: title, summary, numbered sections, conclusion, gaps, sources, and how it was made."""
    blocks = [f"# {_escape(wording.prose(brief.question))}"]
    blocks += _body(brief) if brief.sections else _no_answer(brief)
    if brief.trace.notices:
        blocks.append("\n".join(f"- Note: {_escape(wording.line(notice))}" for notice in brief.trace.notices))
    blocks += ["---", f"*{_escape(wording.made_by(brief))} {_escape(wording.checked(brief))}*"]
    return "\n\n".join(blocks) + "\n"


def _body(brief: Brief) -> Iterator[str]:
    number = wording.numbers(brief)
    if brief.summary:
        yield f"## {wording.SUMMARY}"
        yield _paragraph(brief.summary, number)
    for n, section in enumerate(brief.sections, start=1):
        yield f"## {n}. {_escape(wording.prose(section.heading))}"
        yield _paragraph(section.sentences, number)
    if brief.conclusion:
        yield f"## {wording.CONCLUSION}"
        yield _paragraph(brief.conclusion, number)
    if brief.disagreements:
        yield f"## {wording.DISAGREEMENTS}"
        for each in brief.disagreements:
            sides = "\n".join(f"- {_paragraph([side], number)}" for side in each.sides)
            yield f"**{_escape(wording.prose(each.about))}**\n\n{sides}"
    yield from _gaps(brief)
    yield f"## {wording.SOURCES}"
    yield "\n".join(f"- [{n}] {_source(chunk)}" for n, chunk in enumerate(brief.cited(), start=1))


def _no_answer(brief: Brief) -> Iterator[str]:
    yield f"**{wording.NO_ANSWER}**"
    yield f"## {wording.SEARCHED}"
    yield _escape(wording.searched(brief))
    yield from _gaps(brief)
    if brief.evidence:
        yield f"## {wording.NEAREST_PASSAGES}"
    for n, hit in enumerate(wording.nearest(brief), start=1):
        yield f"{n}. {_source(hit.chunk)}\n\n   > {_escape(wording.line(hit.chunk.text))}"


def _gaps(brief: Brief) -> Iterator[str]:
    if brief.gaps:
        yield f"## {wording.GAPS}"
        yield "\n".join(f"- {_escape(wording.prose(gap))}" for gap in brief.gaps)


def _paragraph(sentences: Iterable[Sentence], number: dict[str, int]) -> str:
    return " ".join(_sentence(sentence, number) for sentence in sentences)


def _sentence(sentence: Sentence, number: dict[str, int]) -> str:
    body, stop = wording.split_end(wording.prose(sentence.text))
    return f"{_escape(body)} {wording.marks(sentence, number)}{stop}"


def _source(chunk: Chunk) -> str:
    """``Title — headings, p. 33 — source, date — chunk id``."""
    parts = [
        _escape(wording.title(chunk)),
        _escape(wording.place(chunk)),
        ", ".join(part for part in (_address(chunk.source), _escape(wording.line(chunk.date or ""))) if part),
        _code(chunk.id),
    ]
    return " — ".join(part for part in parts if part)


def _address(source: str) -> str:
    """A web address as a link; anything else, whatever it says, as code."""
    if url := wording.link(source):
        return f"<{url}>"
    return _code(wording.line(source))


def _code(text: str) -> str:
    """A code span, in which nothing is active; its fence is longer than any run of back quotes inside."""
    if not text:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _escape(text: str) -> str:
    """One line of ``text`` that Markdown reads as just these characters, wherever on a line it stands."""
    text = _ACTIVE.sub(r"\\\g<0>", text)
    for pattern in (_UNDERSCORE, _TAG, _ENTITY, _LINE_START, _HEADING_END):
        text = pattern.sub(r"\\\g<0>", text)
    return _LIST_NUMBER.sub(r"\1\\\2", text)
