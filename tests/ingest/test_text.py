"""Markdown, text, HTML, CSV and JSONL as documents."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ingest import Source, extract, find
from rag.ingest.blocks import Block, assemble
from rag.ingest.clean import PAGE, iso_date, join_lines, plain, vocabulary
from rag.ingest.encoding import decode
from rag.types import Document, Skipped


def read(tmp_path: Path, name: str, content: str | bytes) -> Document:
    documents, problems = extract(source(tmp_path, name, content))
    assert not problems, problems
    (document,) = documents
    for heading in document.headings:
        assert document.text[heading.start : heading.end] == heading.text
        assert heading.start == 0 or document.text[heading.start - 1] == "\n"
        assert document.text[heading.end : heading.end + 1] in {"", "\n"}
    return document


def source(tmp_path: Path, name: str, content: str | bytes) -> Source:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (found,) = find([str(path)])
    assert isinstance(found, Source), found
    return found


def headings(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.text) for heading in document.headings]


MARKDOWN = """---
title: "The Letter of Intent"
date: 2015-10-28
---

# The Letter of Intent

It was **signed** in [October](https://example.org)[^1] and
ran to *seventeen* pages.<sup>2</sup>

## Terms

- a licence fee
- a share of sales
  1. of flats
  2. of offices

| year | event |
| --- | --- |
| 2015 | signed |

> They said "yes".

```
code  stays
```

[^1]: A note that
    runs on.
"""


def test_markdown_becomes_plain_text_with_its_headings(tmp_path: Path) -> None:
    document = read(tmp_path, "letter.md", MARKDOWN)
    assert (document.title, document.date) == ("The Letter of Intent", "2015-10-28")
    assert headings(document) == [(2, "Terms")]
    assert document.text == (
        "It was signed in October and ran to seventeen pages.\n\nTerms\n\n"
        "- a licence fee\n- a share of sales\n1. of flats\n2. of offices\n\n"
        "year; event\n2015; signed\n\nThey said “yes”.\n\ncode stays"
    ).replace("“yes”", '"yes"')


def test_markdown_without_a_title_takes_the_first_heading_then_the_file_name(tmp_path: Path) -> None:
    assert read(tmp_path, "a.md", "# On *Arms*\n\nText.").title == "On Arms"
    assert read(tmp_path, "trump-tower_moscow.md", "Only text here.").title == "Trump tower moscow"


def test_a_note_number_that_lost_its_brackets_goes_and_other_numbers_stay(tmp_path: Path) -> None:
    text = "They met in 2016. 12 The next day they left. 40 people came, and 12 stayed.\n\n[^12]: A source.\n"
    assert (
        read(tmp_path, "a.md", text).text == "They met in 2016. The next day they left. 40 people came, and 12 stayed."
    )


TEXT = """The Hamburg Meeting
Date: 2017-07-07

The two presidents met for over two hours at the G20
summit; an inter-
preter was present.

Public records
- White House statement of 7 July 2017
- Report of the Senate committee, volume 5

What Was Said

Each side gave its own account.
"""


def test_text_has_its_title_date_and_headings_found(tmp_path: Path) -> None:
    document = read(tmp_path, "hamburg.txt", TEXT.replace("Meeting\nDate", "Meeting\n\nDate"))
    assert (document.title, document.date) == ("The Hamburg Meeting", "2017-07-07")
    assert headings(document) == [(2, "What Was Said")]
    assert document.text.startswith("The two presidents met for over two hours at the G20 summit; an interpreter was")
    assert "- White House statement of 7 July 2017\n- Report of the Senate committee" in document.text
    assert "Date:" not in document.text
    assert "Hamburg" not in document.text


def test_a_title_right_above_its_date_is_a_title(tmp_path: Path) -> None:
    assert read(tmp_path, "x.txt", TEXT).title == "The Hamburg Meeting"


@pytest.mark.parametrize(
    ("encoding", "named"), [("utf-8-sig", None), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"), ("cp1252", "cp1252")]
)
def test_other_encodings_are_read_and_named(tmp_path: Path, encoding: str, named: str | None) -> None:
    text = "A note\n\nThe café’s owner said “no” — and the naïve clerk in Málaga agreed with it at once.\n"
    document = read(tmp_path, "note.txt", text.encode(encoding))
    assert "café’s owner said “no” — and the naïve clerk in Málaga" in document.text
    assert document.metadata.get("encoding") == named


def test_another_language_is_noted_and_english_is_not(tmp_path: Path) -> None:
    german = "Der Präsident hat gestern in Berlin mit dem Kanzler gesprochen, und beide waren sich in allem einig. " * 3
    assert read(tmp_path, "de.txt", german).metadata["language"] == "de"
    assert (
        "language" not in read(tmp_path, "en.txt", "The President spoke with the Chancellor in Berlin. " * 5).metadata
    )


HTML = """<!doctype html><html lang="en"><head><title>The Seychelles Meeting</title>
<meta property="article:published_time" content="2017-01-11"></head><body>
<nav><a href="/">Home</a><a href="/about">About</a></nav>
<article><h1>The Seychelles Meeting</h1>
<p>Erik Prince met Kirill Dmitriev on 11 January 2017 in the Seychelles.<sup><a href="#fn1">1</a></sup>
They spoke for 45 minutes, 10<sup>2</sup> metres from the beach.</p>
<h2>What followed</h2><p>Prince <span
class="redacted">____ ___</span> told the committee that it was a chance meeting over a beer.</p>
<ul><li>first item of the list</li><li>second item of the list</li></ul>
<table><tr><th>when</th><th>who</th></tr><tr><td>January</td><td>Prince</td></tr></table></article>
<aside class="footnotes"><p>1. A footnote body.</p></aside>
<footer>Copyright, cookies, contact</footer><script>alert("x")</script></body></html>"""


def test_html_keeps_headings_and_drops_navigation_footnotes_and_scripts(tmp_path: Path) -> None:
    document = read(tmp_path, "s.html", HTML)
    assert (document.title, document.date) == ("The Seychelles Meeting", "2017-01-11")
    assert headings(document) == [(2, "What followed")]
    assert "in the Seychelles. They spoke for 45 minutes, 10² metres" in document.text
    assert "Prince [redacted] told the committee" in document.text
    assert "first item of the list\nsecond item" in document.text
    assert "when; who\nJanuary; Prince" in document.text
    for junk in ("Home", "footnote body", "cookies", "alert"):
        assert junk not in document.text


def test_a_page_that_is_no_article_is_read_whole(tmp_path: Path) -> None:
    assert "One short line." in read(tmp_path, "s.html", "<html><body><div>One short line.</div></body></html>").text


def test_a_hostile_page_is_read_or_told_and_never_hangs(tmp_path: Path) -> None:
    deep = "<div>" * 10_000 + "<p>At the bottom of it all stands a sentence.</p>" + "</div>" * 10_000
    page = f"<html><body><script>{'x' * 100_000}</script>{deep}<p>After it stands another one.</p></body></html>"
    documents, problems = extract(source(tmp_path, "deep.html", page))
    assert len(documents) + len(problems) == 1
    assert all("xxxx" not in document.text for document in documents)


def test_jsonl_rows_are_documents_and_a_bad_line_is_named(tmp_path: Path) -> None:
    lines = [
        json.dumps(
            {"id": "a1", "title": "First", "text": "Text one.\u2028More.", "date": "2019-04", "source": "http://x/1"}
        ),
        "{broken",
        json.dumps({"_id": 7, "text": "Text two."}),
        json.dumps({"id": "a1", "text": "A second a1."}),
        json.dumps(["text"]),
        json.dumps({"id": "b", "text": "  "}),
        json.dumps({"text": "No id."}),
    ]
    documents, problems = extract(source(tmp_path, "rows.jsonl", "\n".join(lines)))
    assert [(d.id, d.title, d.date) for d in documents][:2] == [("a1", "First", "2019-04"), ("7", "7", None)]
    assert documents[0].source == "http://x/1"
    assert documents[2].id == "rows.jsonl#7"
    assert [int(problem.path.rpartition(":")[2]) for problem in problems] == [2, 4, 5, 6]
    assert problems[0].reason.startswith("not JSON")
    assert "twice" in problems[1].reason


def test_csv_rows_with_a_text_column_are_documents(tmp_path: Path) -> None:
    documents, _ = extract(source(tmp_path, "rows.csv", 'id,title,text\n1,One,"Text, one."\n2,Two,Text two.\n'))
    assert [(d.id, d.title, d.text) for d in documents] == [("1", "One", "Text, one."), ("2", "Two", "Text two.")]


WORDS = """candidate Moscow project letter agreed pages summer travel adviser campaign speech energy meeting hotel tower
phone sanctions embassy report investigation committee witness documents answers charges court plea trial""".split()


def test_csv_lines_with_pages_are_one_document_with_pages(tmp_path: Path) -> None:
    words = random.Random(7)
    rows = ["page,line,text"]
    for page in range(1, 9):
        prose = [" ".join(words.choices(WORDS, k=9)) for _ in range(8)]
        lines = [
            f"U.S. Dep{'ar' if page % 2 else 'al'}tment of Justice",
            *prose,
            f"{words.choice(WORDS)} went on",
            str(page),
        ]
        if page == 3:
            lines[-1:-1] = ["12", "A footnote on the third page.", "13", "Another of them."]
            lines[4] = "It was so. 12 They left."
        rows += [f"{page},{number},{line}" for number, line in enumerate(lines, 1)]
    document = read(tmp_path, "scan.csv", "\n".join(rows))
    assert len(document.page_starts) == 8
    for junk in ("U.S.", "footnote", "Another", "12", "13"):
        assert junk not in document.text
    assert "It was so. They left." in document.text
    start = document.page_starts[4]
    assert document.text[start - 8 : start] == "went on ", "a sentence runs across the page break"


def test_any_other_csv_is_its_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "t.csv", "Year;Event\n2015;Letter signed\n2016;Ended\n").text == (
        "Year: 2015\nEvent: Letter signed\n\nYear: 2016\nEvent: Ended"
    )


def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    for name, content in (
        ("a.md", "---\ntitle: x\n---\n"),
        ("b.html", "<html></html>"),
        ("c.txt", " \n\n "),
        ("d.csv", "\n"),
    ):
        documents, (problem,) = extract(source(tmp_path, name, content))
        assert not documents
        assert isinstance(problem, Skipped)


def test_hyphens_at_line_ends_follow_the_document_itself() -> None:
    known = vocabulary(["so well-known and called it", "the interference", "a so-called matter"])
    assert join_lines(["russian inter-", "ference and a well-", "known, so-", "called affair"], known) == (
        "russian interference and a well-known, so-called affair"
    )
    assert join_lines(["the Trump-", "Putin talks of 2015-", "2016"], known) == "the Trump-Putin talks of 2015-2016"


def test_a_page_break_in_a_hyphenated_word_falls_behind_the_word() -> None:
    text, _, starts = assemble(
        [Block(text=join_lines(["the inter-", f"{PAGE}ference went on"], vocabulary([])))], paged=True
    )
    assert text == "the interference went on"
    assert text[starts[1] :] == "went on"


def test_characters_are_made_plain() -> None:
    assert plain("e\u0301 \ufb01n\u00adal\u00a0word\u200b\x07") == "é final word"
    assert plain("said.\u00b9\u00b2 Then 5 m\u00b2") == "said. Then 5 m²"
    assert plain("was [REDACTED: Harm to Ongoing Matter] [HOM] there") == "was [redacted] there"
    assert plain("It grew. [REDACTED] The end.") == "It grew. [redacted]. The end."


@pytest.mark.parametrize(
    ("words", "date"),
    [
        ("2019", "2019"),
        ("2019-4", "2019-04"),
        ("18 April 2019", "2019-04-18"),
        ("April 18, 2019", "2019-04-18"),
        ("March 2019", "2019-03"),
        ("2019-04-18T10:00:00Z", "2019-04-18"),
        ("2019-13-40", None),
        ("soon", None),
        (None, None),
    ],
)
def test_dates_become_iso_or_nothing(words: str | None, date: str | None) -> None:
    assert iso_date(words) == date


piece = st.text(max_size=40) | st.sampled_from([f"a {PAGE}b", PAGE, "[redacted]", "x\n\n y", "inter-\nference"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.builds(Block, text=piece, level=st.integers(0, 3)), max_size=12))
def test_offsets_are_exact_for_any_text(blocks: list[Block]) -> None:
    text, found, starts = assemble(blocks, paged=True)
    for heading in found:
        assert text[heading.start : heading.end] == heading.text
        assert "\n" not in heading.text
        assert heading.start == 0 or text[heading.start - 1] == "\n"
        assert heading.end == len(text) or text[heading.end] == "\n"
    assert len(starts) == 1 + sum(plain(block.text).count(PAGE) for block in blocks)
    assert list(starts) == sorted(starts)
    assert all(0 <= start <= len(text) for start in starts)
    assert PAGE not in text
    text.encode()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_decode(data: bytes) -> None:
    decode(data)
