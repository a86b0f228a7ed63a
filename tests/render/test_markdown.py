"""Markdown: its layout, and that text from documents and models never becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from briefs import REPORT, TRACE, answered, chunk, sentence
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.render import cleaning, render
from rag.types import Brief


def test_the_headings_are_summary_sections_conclusion_disagreements_gaps_and_sources() -> None:
    headings = re.findall(r"^#+ .*", render(answered(), "md"), re.MULTILINE)
    assert headings == [
        "# What are the links between Trump and Putin?",
        "## Executive summary",
        "## 1. The Moscow tower that was never built",
        "## 2. Polling data & Konstantin Kilimnik",
        "## Conclusion",
        "## Where the sources disagree",
        "## What was not found",
        "## Sources",
    ]


def test_a_source_names_title_headings_pages_address_date_and_chunk() -> None:
    assert (
        "- [1] Special counsel’s report, volume I — IV. Russian government links › A. Trump Tower Moscow, pp. 67–68 — "
        f"<https://example.org/report.pdf>, 2019-04-18 — `{REPORT.id}`\n"
    ) in render(answered(), "md")


def _tokens(markdown: str) -> list[Token]:
    tokens: list[Token] = []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        tokens += [token, *(token.children or [])]
    return tokens


HOSTILE_LINES = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](http://e.example/p)",
    "[1]: http://e.example", "# heading", "- item", "1. item", "12) item", "> quote", "```", "~~~", "---", "***", "===",
    "    code", "| a | b |", "**b** __b__ *i* _i_ ~~s~~ `c`", "<http://e.example>", "&lt;script&gt; &#60;", "a\\",
    "\\*a*",
    "<!-- x", "+ item", "end #", "first\n\n# second", "a\n---", "snake_case_name _x", "=====", "- [ ] task",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_LINES)
def test_markup_in_a_document_is_shown_as_text(text: str) -> None:
    _assert_shown_as_text(text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="\\`*_[]()<>#&;!|~-+=.:1a bA/\"'\n\t$^{}@", min_size=1, max_size=24).filter(str.strip))
def test_any_mixture_of_markup_characters_is_shown_as_text(text: str) -> None:
    _assert_shown_as_text(text)


def _assert_shown_as_text(text: str) -> None:
    plain = _hostile_brief("plain words")
    hostile = _hostile_brief(text)
    tokens = [token for token in _tokens(render(hostile, "md")) if token.type != "text_special"]
    shape = [token.type for token in tokens if token.type not in {"text", "softbreak"}]
    assert shape == [token.type for token in _tokens(render(plain, "md")) if token.type not in {"text", "softbreak"}]
    title = next(token for token in _tokens(render(hostile, "md")) if token.type == "inline")
    shown = "".join(child.content for child in title.children or [])
    assert shown == cleaning.running_text(text)


def _hostile_brief(text: str) -> Brief:
    source = chunk("a.txt", "words", title=text, heading_path=(text,), date=text)
    cited = sentence(text, (source, "words"))
    base = answered()
    return replace(
        base,
        question=text,
        summary=(cited,),
        sections=(replace(base.sections[0], heading=text, sentences=(cited,)),),
        conclusion=(),
        disagreements=(replace(base.disagreements[0], about=text, sides=(cited, cited)),),
        gaps=(text,),
        evidence=(replace(base.evidence[0], chunk=source),),
        trace=replace(TRACE, notices=(text,), model=text),
    )


def test_only_web_addresses_become_links() -> None:
    links = [str(token.attrs["href"]) for token in _tokens(render(answered(), "md")) if token.type == "link_open"]
    assert links == ["https://example.org/report.pdf", "https://example.org/ig?a=1&b=2", "http://example.org/durham"]
