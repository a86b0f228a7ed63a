"""A real report of 189 and 192 pages; the folder that holds it is named by CITEBRIEF_DATA."""

from __future__ import annotations

import os
import re
import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from rag.ingest import extract, find
from rag.ingest.clean import key
from rag.types import Document

DATA = Path(os.environ.get("CITEBRIEF_DATA") or "/nonexistent") / "mueller"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="CITEBRIEF_DATA names no folder with mueller/ in it")
VOLUMES = ["mueller-report-vol-1.pdf", "mueller-report-vol-2.pdf"]


@cache
def read(name: str) -> tuple[Document, float]:
    (source,) = find([str(DATA / name)])
    began = time.perf_counter()
    documents, problems = extract(source)  # type: ignore[arg-type]
    assert not problems
    return documents[0], time.perf_counter() - began


@pytest.mark.parametrize("name", VOLUMES)
def test_a_volume_takes_seconds(name: str) -> None:
    assert read(name)[1] < 30


@pytest.mark.parametrize("name", VOLUMES)
def test_no_running_head_footnote_or_contents_line_is_left(name: str) -> None:
    text = read(name)[0].text
    assert "Open Source Mueller Report" not in text
    assert not re.search(r"\. \. \. \. \. .*\d+$", text, re.MULTILINE)
    assert not re.search(r"\b\d+/\d+/\d+ 302, at \d", text), "interview reports are cited in footnotes only"
    glued = re.findall(r"[a-z][.,;”\"]\d{1,4}(?=\s+[A-Z])", text)
    assert not glued
    assert not re.search(r"^\W*\d{1,4}\W*$", text, re.MULTILINE), "a page number or a lone footnote mark"


@pytest.mark.parametrize("name", VOLUMES)
def test_every_page_begins_where_pdfium_says(name: str) -> None:
    import pypdfium2

    document = read(name)[0]
    pdf = pypdfium2.PdfDocument(DATA / name)
    assert len(document.page_starts) == len(pdf)
    checked = 0
    for number, (start, end) in enumerate(pairwise([*document.page_starts, len(document.text)])):
        mine = key(document.text[start:end].replace("[redacted]", ""))
        if len(mine) < 200:
            continue
        page = key(pdf[number].get_textpage().get_text_bounded())
        # A few windows, because footnote marks stand between the words of the page.
        assert any(mine[at : at + 20] in page for at in range(0, 60, 5)), number
        assert any(mine[-at - 20 : -at] in page for at in range(20, 80, 5)), number
        checked += 1
    assert checked > 0.85 * len(pdf)


def test_the_outline_gives_the_headings() -> None:
    document = read(VOLUMES[0])[0]
    found = {heading.text: heading for heading in document.headings}
    assert found["II. Russian “Active Measures” Social Media Campaign"].level == 1
    assert found["A. Structure of the Internet Research Agency"].level == 2
    assert found["4. U.S. Operations Through Twitter"].level == 3
    assert found["a. Individualized Accounts"].level == 4
    assert all(document.text[h.start : h.end] == h.text for h in document.headings)


def test_sentences_are_those_of_the_text() -> None:
    text = read(VOLUMES[0])[0].text
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
def test_the_other_formats_of_the_report_are_read(name: str) -> None:
    document, seconds = read(name)
    assert seconds < 60
    assert len(document.text) > 300_000
    assert len(document.headings) > 50
    assert "coordinated with the Russian government in its election interference activities" in document.text
