"""A real report of 189 and 192 pages, in the directory that CITEBRIEF_DATA names."""

from __future__ import annotations

import os
import re
import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from rag.ingest import extract, find
from rag.ingest.clean import match_key
from rag.types import Document

DATA = Path(os.environ.get("CITEBRIEF_DATA") or "/nonexistent") / "mueller"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="CITEBRIEF_DATA names no directory with mueller/ in it")
VOLUMES = ["mueller-report-vol-1.pdf", "mueller-report-vol-2.pdf"]


@cache
def read_timed(name: str) -> tuple[Document, float]:
    (source,) = find([str(DATA / name)])
    began = time.perf_counter()
    documents, problems = extract(source)  # type: ignore[arg-type]
    assert not problems
    return documents[0], time.perf_counter() - began


@pytest.mark.parametrize("name", VOLUMES)
def test_volume_is_read_within_30_seconds(name: str) -> None:
    assert read_timed(name)[1] < 30


@pytest.mark.parametrize("name", VOLUMES)
def test_running_heads_footnotes_and_contents_lines_are_removed(name: str) -> None:
    text = read_timed(name)[0].text
    assert "Open Source Mueller Report" not in text
    assert not re.search(r"\. \. \. \. \. .*\d+$", text, re.MULTILINE)
    assert not re.search(r"\b\d+/\d+/\d+ 302, at \d", text), "interview reports are cited only in footnotes"
    glued = re.findall(r"[a-z][.,;”\"]\d{1,4}(?=\s+[A-Z])", text)
    assert not glued
    assert not re.search(r"^\W*\d{1,4}\W*$", text, re.MULTILINE), "a page number or a lone footnote mark"


@pytest.mark.parametrize("name", VOLUMES)
def test_pages_begin_and_end_with_the_words_that_pdfium_reports(name: str) -> None:
    import pypdfium2

    document = read_timed(name)[0]
    pdf = pypdfium2.PdfDocument(DATA / name)
    assert len(document.page_starts) == len(pdf)
    checked = 0
    for number, (start, end) in enumerate(pairwise([*document.page_starts, len(document.text)])):
        own = match_key(document.text[start:end].replace("[redacted]", ""))
        if len(own) < 200:
            continue
        page = match_key(pdf[number].get_textpage().get_text_bounded())
        # Several windows, because pdfium's text has footnote marks between the words.
        assert any(own[at : at + 20] in page for at in range(0, 60, 5)), number
        assert any(own[-at - 20 : -at] in page for at in range(20, 80, 5)), number
        checked += 1
    assert checked > 0.85 * len(pdf)


def test_outline_gives_headings_and_levels() -> None:
    document = read_timed(VOLUMES[0])[0]
    found = {heading.text: heading for heading in document.headings}
    assert found["II. Russian “Active Measures” Social Media Campaign"].level == 1
    assert found["A. Structure of the Internet Research Agency"].level == 2
    assert found["4. U.S. Operations Through Twitter"].level == 3
    assert found["a. Individualized Accounts"].level == 4
    assert all(document.text[h.start : h.end] == h.text for h in document.headings)


def test_known_sentences_are_extracted_word_for_word() -> None:
    text = read_timed(VOLUMES[0])[0].text
    for sentence in (
        "Papadopoulos understood Sessions to be similarly supportive of his efforts to arrange a meeting.",  # two pages
        "Prigozhin is widely reported to have ties to Russian President Vladimir Putin, [redacted]",
        "Beginning in June 2016, [redacted] forecast to senior Campaign officials that WikiLeaks would release",
        "Facebook group had over 130,000 followers. According to Facebook, in total the IRA-controlled accounts made",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    "name", ["mueller-report.html", "mueller-report-vol-1.epub", "volume1.md", "mueller_report_pages.csv"]
)
def test_other_formats_of_the_report_are_read(name: str) -> None:
    document, seconds = read_timed(name)
    assert seconds < 60
    assert len(document.text) > 300_000
    assert len(document.headings) > 50
    assert "coordinated with the Russian government in its election interference activities" in document.text
