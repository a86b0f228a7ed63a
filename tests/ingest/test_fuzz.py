"""Files of every kind, damaged at random: a reader may skip one, and must neither raise nor hang."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.ingest import extract
from rag.ingest.source import Source, source_digest

SECONDS = int(os.environ.get("CITEBRIEF_FUZZ_SECONDS", "20"))
"""Roughly the time for each kind; an example takes about 20 ms."""

MAX_SECONDS = 20
"""Processor time of one file; wall time says little on a machine that is shared."""


def _pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data)
    for number in (1, 2, 3):
        canvas.drawString(72, 800, "Head of the page")
        canvas.drawString(72, 700, f"The lock {number} opens at seven ........ 12")
        canvas.rect(72, 600, 100, 12, fill=1)
        canvas.acroForm.textfield(name=f"f{number}", value="typed", x=72, y=500, width=90, height=20)
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def _docx() -> bytes:
    from docx import Document

    document, data = Document(), io.BytesIO()
    document.add_heading("Locks", 1)
    document.add_paragraph("The lock opens at seven.")
    document.add_table(2, 2).cell(0, 0).text = "Ostby"
    document.save(data)
    return data.getvalue()


def _pptx() -> bytes:
    from pptx import Presentation

    deck, data = Presentation(), io.BytesIO()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text_frame.text = "Locks"
    slide.notes_slide.notes_text_frame.text = "Say this."
    deck.save(data)
    return data.getvalue()


def _epub() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container><rootfile full-path='b.opf'/></container>")
        item = "<item id='a' href='a.xhtml' media-type='text/html'/>"
        package = f"<package><manifest>{item}</manifest><spine><itemref idref='a'/></spine></package>"
        archive.writestr("b.opf", package)
        archive.writestr("a.xhtml", "<html><body><p>The lock opens.</p></body></html>")
    return data.getvalue()


def _xlsx() -> bytes:
    data = io.BytesIO()
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types">'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/a.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{relations}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets><sheet name="A" sheetId="1" r:id="r"/></sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{relations}/worksheet" '
            'Target="worksheets/a.xml"/></Relationships>',
        )
        rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}"><v>5</v></c></row>' for n in (1, 2, 3))
        archive.writestr("xl/worksheets/a.xml", f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>')
    return data.getvalue()


def _odt() -> bytes:
    data = io.BytesIO()
    names = "urn:oasis:names:tc:opendocument:xmlns"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "content.xml",
            f'<o:document-content xmlns:o="{names}:office:1.0" xmlns:t="{names}:text:1.0" xmlns:a="{names}:table:1.0">'
            "<o:body><o:text><t:h>Locks</t:h><t:list><t:list-item><t:p>Ostby</t:p></t:list-item></t:list><a:table>"
            '<a:table-row><a:table-cell a:number-rows-spanned="2"><t:p>Nore<t:s t:c="2"/></t:p></a:table-cell>'
            "</a:table-row></a:table></o:text></o:body></o:document-content>",
        )
        archive.writestr("styles.xml", f'<s:style xmlns:s="{names}:style:1.0" s:name="a" s:parent-style-name="a"/>')
    return data.getvalue()


def _text(text: str) -> Callable[[], bytes]:
    return text.encode


FILES: dict[str, Callable[[], bytes]] = {
    ".pdf": _pdf,
    ".docx": _docx,
    ".pptx": _pptx,
    ".epub": _epub,
    ".xlsx": _xlsx,
    ".odt": _odt,
    ".rtf": _text(
        r"{\rtf1\ansi{\fonttbl{\f0\fcharset0 A;}}\outlinelevel0 Locks\par "
        r"\trowd a\cell \u8212?\cell\row{\pict\bin2 xy}}"
    ),
    ".eml": _text(
        "From: a@b.c\nSubject: =?utf-8?q?Locks?=\nContent-Type: multipart/alternative; boundary=x\n\n--x\n\nIt opens.\n"
        "Per wrote:\n> When?\n--x\nContent-Type: text/html; charset=latin1\n\n<p>It opens.</p>\n--x--\n"
    ),
    ".ipynb": _text(
        '{"cells": [{"cell_type": "markdown", "source": ["# Locks"]}, {"cell_type": "code", "source": "x", "outputs": '
        '[{"data": {"text/html": "<table><tr><td>4</td></tr></table>", "text/plain": "4"}}]}], "metadata": {}}'
    ),
    ".vtt": _text(
        "WEBVTT\n\nNOTE a\n\n00:01.000 --> 00:02.000\n<v Per>It opens\n\n00:02.000 --> 00:03.000\nat seven.\n"
    ),
    ".srt": _text("1\n00:00:01,000 --> 00:00:02,000\nIt {\\an8}opens\n\n2\n00:00:02,000 --> 00:00:03,000\nat seven.\n"),
    ".html": _text(
        "<form><h1>Locks</h1><p style='display:none'>a</p><button aria-controls=x>b</button><p>Open.</form>"
    ),
    ".md": _text("# Locks\n\nThe lock `[^a]`.[^1]\n---\n\n| a | b |\n|---|---|\n| c | d |\n\n[^1]: note\n"),
    ".csv": _text('sep=;\nLock;Boats\n"Ostby;4\nNore;"5"\n'),
    ".jsonl": _text('{"id": "a", "text": "The lock.", "date": "2001"}\n{"text": 7}\n'),
    ".rst": _text("Locks\n=====\n\nThe lock opens. [1]_\n\n.. [1] note\n"),
    ".txt": _text("Locks\n\nDate: 3 May 2001\n\nThe lock opens at seven.\n"),
}


@cache
def _file(suffix: str) -> bytes:
    return FILES[suffix]()


@st.composite
def damaged(draw: Any, suffix: str) -> bytes:
    """The file of a kind with some bytes changed, cut out or doubled; of an archive a member, packed again."""
    data = _file(suffix)
    if data.startswith(b"PK") and draw(st.booleans()):
        return _repacked(draw, data)
    return _mutated(draw, data)


def _mutated(draw: Any, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(changed) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                changed[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
            case 1:
                del changed[at : at + draw(st.integers(1, 64))]
            case 2:
                changed[at:at] = changed[at : at + draw(st.integers(1, 64))]
            case _:
                del changed[at:]
    return bytes(changed)


def _repacked(draw: Any, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(name for name in members if name.endswith((".xml", ".rels", ".xhtml", ".opf")))))
    if draw(st.booleans()):
        members[name] = _mutated(draw, members[name])
    else:
        del members[name]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return packed.getvalue()


@pytest.mark.parametrize("suffix", sorted(FILES))
def test_files_to_be_damaged_are_read(suffix: str) -> None:
    data = _file(suffix)
    documents, _ = extract(Source(id=f"a{suffix}", location=f"a{suffix}", root=".", digest="", data=data))
    assert documents


@pytest.mark.slow
@pytest.mark.parametrize("suffix", sorted(FILES))
def test_damaged_files_are_read_or_skipped(suffix: str) -> None:
    @settings(max_examples=50 * SECONDS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(damaged(suffix))
    def check(data: bytes) -> None:
        name = f"damaged{suffix}"
        source = Source(id=name, location=name, root=".", digest=source_digest([data]), data=data)
        begin = time.process_time()
        documents, skipped = extract(source)
        assert time.process_time() - begin < MAX_SECONDS
        for document in documents:
            f"{document.id}{document.title}{document.text}".encode()
            assert document.coverage.read <= document.coverage.total or not document.coverage.unit
        for item in skipped:
            item.reason.encode()

    check()


def test_panic_of_a_parser_is_a_skipped_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.ingest import extraction

    class Panic(BaseException):
        """What a parser in Rust raises is no Exception."""

    def read(data: bytes, name: str) -> Any:
        raise Panic("index out of bounds")

    monkeypatch.setitem(extraction.READERS, ".txt", read)
    source = Source(id="a.txt", location="a.txt", root=".", digest="", data=b"x")
    documents, (skipped,) = extract(source)
    assert not documents
    assert "Panic: index out of bounds" in skipped.reason
