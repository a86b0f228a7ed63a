"""The page as text; test_browser.py opens it in a browser."""

from __future__ import annotations

import re
from dataclasses import replace

from briefs import HOSTILE, REPORT, answered, quote, sentence

from rag.render import render


def test_the_page_requests_nothing_and_allows_no_script() -> None:
    page = render(answered(), "html")
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|iframe|img|object|embed|form|base)\b", page)
    assert not re.search(r"\bon\w+=\"", re.sub(r"&[^;]+;", "", page.replace("&#34;", "'")))
    assert set(re.findall(r'(?:href|src)="([^"#][^"]*)"', page)) == {
        "data:,", "https://example.org/report.pdf", "https://example.org/ig?a=1&amp;b=2", "http://example.org/durham",
    }  # fmt: skip


def test_overlapping_quotes_are_marked_once() -> None:
    cited = sentence("Cohen wrote to Peskov.", (REPORT, "Cohen wrote in January"))
    more = (quote(REPORT, "January 2016 to the office"), quote(REPORT, "wrote in"))
    brief = replace(answered(), summary=(replace(cited, quotes=(*cited.quotes, *more)),))
    assert "<mark>Cohen wrote in January 2016 to the office</mark>" in render(brief, "html")


def test_markup_and_template_code_in_a_document_are_escaped() -> None:
    page = render(answered(), "html")
    assert "&lt;img src=x onerror=" in page
    assert "{{ 7 * 7 }}" in page
    assert HOSTILE.title.split()[1] not in page
