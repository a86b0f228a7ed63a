import re
import subprocess
import sys
from dataclasses import replace

import pytest
from briefs import CYRILLIC, DURHAM, HOSTILE, REPORT, TRACE, answered, chunk, insufficient, quote, sentence
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.errors import UsageError
from rag.render import format_of, render, wording
from rag.types import Brief


def test_the_suffix_of_a_file_names_its_format() -> None:
    names = ["a.md", "a.markdown", "A.HTML", "a.htm", "x/a.json", "a.txt"]
    assert [format_of(name) for name in names] == ["md", "md", "html", "html", "json", "text"]
    for name in ("brief.pdf", "brief", ".md"):
        with pytest.raises(UsageError, match=r"unknown suffix .*\.md"):
            format_of(name)


def test_importing_the_package_brings_in_nothing_heavy() -> None:
    program = "import sys, rag.render; print({'pydantic', 'jinja2', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# Markers


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("The tower was not built.", "The tower was not built [1]."),
        ("Was it built?", "Was it built [1]?"),
        ("He works for Acme Inc.", "He works for Acme Inc. [1]"),
        ("He moved to the U.S.", "He moved to the U.S. [1]"),
        ("She called it “a threat.”", "She called it “a threat.” [1]"),
        ("It went on...", "It went on... [1]"),
        ("No full stop", "No full stop [1]"),
    ],
)
def test_a_marker_stands_before_the_full_stop_and_taking_it_out_gives_the_sentence(text: str, printed: str) -> None:
    brief = replace(answered(), summary=(sentence(text, (REPORT, "Cohen")),))
    assert printed in render(brief, "md")
    assert printed in render(brief, "text")
    assert re.sub(r" \[\d+\]", "", printed) == text


def test_numbers_are_those_of_the_source_list_in_order_of_first_citation() -> None:
    markdown = render(answered(), "md")
    assert "began [1] [2] [3]." in markdown
    assert "2015 [1] [4]." in markdown
    listed = re.findall(r"^- \[(\d+)\] .*`([^`]+)`$", markdown, re.MULTILINE)
    assert [(int(n), chunk_id) for n, chunk_id in listed] == list(
        enumerate((each.id for each in answered().cited()), start=1)
    )


def test_a_number_in_a_sentence_cannot_pass_for_a_marker() -> None:
    for form in ("md", "text", "html"):
        assert "(9) stand here" in re.sub(r"<[^>]+>|\s+", " ", render(answered(), form)).replace("  ", " ")


# Markdown


def test_the_layout_is_the_one_that_readers_know() -> None:
    headings = re.findall(r"^#+ .*", render(answered(), "md"), re.MULTILINE)
    assert headings == [
        "# What are the links between Trump and Putin?",
        "## Executive summary",
        "## 1. The Moscow tower that was never built",
        "## 2. Polling data & Konstantin Kilimnik",
        "## Conclusion",
        "## Where the sources disagree",
        "## What the corpus does not say",
        "## Sources",
    ]


def test_a_source_says_where_the_passage_stands() -> None:
    assert (
        "- [1] Special counsel’s report, volume I — IV. Russian government links › A. Trump Tower Moscow, pp. 67–68 — "
        f"<https://example.org/report.pdf>, 2019-04-18 — `{REPORT.id}`\n"
    ) in render(answered(), "md")


def test_the_last_line_says_who_made_it_and_what_was_checked() -> None:
    last = render(answered(), "md").splitlines()[-1]
    assert "citebrief 0.1.0: written by local:qwen2.5-coder-1.5b-instruct; checked by simple rule" in last
    assert "All 8 sentences printed were checked" in last
    assert "1 rewritten, 1 dropped" in last
    quoted = replace(answered(), trace=replace(TRACE, model="extractive", repairs=()))
    assert "without a model" in render(quoted, "md")
    assert "Repaired" not in render(quoted, "md")


def _tokens(markdown: str) -> list[Token]:
    found: list[Token] = []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        found += [token, *(token.children or [])]
    return found


HOSTILE_LINES = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](http://e.example/p)",
    "[1]: http://e.example", "# heading", "- item", "1. item", "12) item", "> quote", "```", "~~~", "---", "***", "===",
    "    code", "| a | b |", "**b** __b__ *i* _i_ ~~s~~ `c`", "<http://e.example>", "&lt;script&gt; &#60;", "a\\",
    "\\*a*",
    "<!-- x", "+ item", "end #", "first\n\n# second", "a\n---", "snake_case_name _x", "=====", "- [ ] task",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_LINES)
def test_markdown_reads_a_documents_text_as_text(text: str) -> None:
    _reads_as_text(text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="\\`*_[]()<>#&;!|~-+=.:1a bA/\"'\n\t$^{}@", min_size=1, max_size=24).filter(str.strip))
def test_markdown_reads_any_mixture_of_marks_as_text(text: str) -> None:
    _reads_as_text(text)


def _reads_as_text(text: str) -> None:
    plain = _hostile_brief("plain words")
    hostile = _hostile_brief(text)
    tokens = [token for token in _tokens(render(hostile, "md")) if token.type != "text_special"]
    shape = [token.type for token in tokens if token.type not in {"text", "softbreak"}]
    assert shape == [token.type for token in _tokens(render(plain, "md")) if token.type not in {"text", "softbreak"}]
    words = next(token for token in _tokens(render(hostile, "md")) if token.type == "inline")
    shown = "".join(child.content for child in words.children or [])
    assert shown == wording.prose(text)


def _hostile_brief(text: str) -> Brief:
    source = chunk("a.txt", "words", title=text, heading_path=(text,), date=text)
    said = sentence(text, (source, "words"))
    base = answered()
    return replace(
        base,
        question=text,
        summary=(said,),
        sections=(replace(base.sections[0], heading=text, sentences=(said,)),),
        conclusion=(),
        disagreements=(replace(base.disagreements[0], about=text, sides=(said, said)),),
        gaps=(text,),
        evidence=(replace(base.evidence[0], chunk=source),),
        trace=replace(TRACE, notices=(text,), model=text),
    )


def test_only_web_addresses_become_links() -> None:
    links = [str(token.attrs["href"]) for token in _tokens(render(answered(), "md")) if token.type == "link_open"]
    assert links == ["https://example.org/report.pdf", "https://example.org/ig?a=1&b=2", "http://example.org/durham"]
    for source in ("javascript:alert(1)", "file:///etc/passwd", "https://", "http://a b", "data:text/html,x", "//e.x"):
        assert wording.link(source) is None


# No answer


@pytest.mark.parametrize("form", ["md", "text", "html"])
def test_a_question_without_answer_says_so_and_shows_the_nearest_passages(form: str) -> None:
    shown = render(insufficient(), form)  # type: ignore[arg-type]
    assert "The corpus does not answer this question." in shown
    assert "6 passages from 6 documents came nearest; none states an answer. The first 5 follow." in shown.replace(
        "\n", " "
    )
    assert "No document of the corpus is about the sea." in shown
    assert REPORT.id in shown
    assert DURHAM.id in shown
    assert CYRILLIC.id not in shown


def test_a_search_that_found_nothing_says_so() -> None:
    assert "The search found no passage at all." in render(replace(insufficient(), evidence=()), "md")


# Plain text


def test_plain_text_is_wrapped_and_carries_nothing_a_terminal_obeys() -> None:
    text = render(answered(), "text")
    assert max(map(len, text.splitlines())) <= 88
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "␛[31mred" in text
    assert not any(line.endswith(" ") for line in text.splitlines())
    nearest = render(insufficient(), "text")
    assert "␛]0;owned␇" in nearest
    assert "\u202e" not in nearest


def test_text_does_not_depend_on_the_terminal_that_it_is_made_in(monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(answered(), "text")
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert render(answered(), "text") == before


# HTML, as text; tests/test_render_browser.py opens it


def test_the_page_asks_for_nothing_and_allows_no_script() -> None:
    page = render(answered(), "html")
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|iframe|img|object|embed|form|base)\b", page)
    assert not re.search(r"\bon\w+=\"", re.sub(r"&[^;]+;", "", page.replace("&#34;", "'")))
    assert set(re.findall(r'(?:href|src)="([^"#][^"]*)"', page)) == {
        "data:,", "https://example.org/report.pdf", "https://example.org/ig?a=1&amp;b=2", "http://example.org/durham",
    }  # fmt: skip


def test_overlapping_quotes_are_marked_once() -> None:
    said = sentence("Cohen wrote to Peskov.", (REPORT, "Cohen wrote in January"))
    more = (quote(REPORT, "January 2016 to the office"), quote(REPORT, "wrote in"))
    brief = replace(answered(), summary=(replace(said, quotes=(*said.quotes, *more)),))
    assert "<mark>Cohen wrote in January 2016 to the office</mark>" in render(brief, "html")


def test_hostile_words_are_escaped_on_the_page() -> None:
    page = render(answered(), "html")
    assert "&lt;img src=x onerror=" in page
    assert "{{ 7 * 7 }}" in page
    assert HOSTILE.title.split()[1] not in page
