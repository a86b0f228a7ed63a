"""DOCX files built with python-docx, intact and damaged."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.types import Document


@pytest.fixture(scope="module")
def docx_bytes() -> bytes:
    from docx import Document as Docx

    document = Docx()
    document.core_properties.title = "A title in the properties"
    document.add_paragraph("The Platform Change", style="Title")
    document.add_paragraph("Date: 18 July 2016")
    document.add_heading("What was changed", 1)
    paragraph = document.add_paragraph("The word lethal fell out")
    paragraph.add_run("3").font.superscript = True
    paragraph.add_run(" of the draft.")
    document.add_heading("By whom", 2)
    document.add_paragraph("one man", style="List Bullet")
    document.add_paragraph("another man", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("who", "when"), ("Gordon", "July")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def test_styles_give_title_headings_and_lists_and_rows_become_lines(
    read_document: Callable[..., Document], docx_bytes: bytes
) -> None:
    document = read_document("p.docx", docx_bytes)
    assert (document.title, document.date) == ("The Platform Change", "2016-07-18")
    found = [(heading.level, heading.text) for heading in document.headings]
    assert found == [(1, "What was changed"), (2, "By whom")]
    assert document.text == (
        "What was changed\n\nThe word lethal fell out of the draft.\n\nBy whom\n\n- one man\n- another man\n\n"
        "who; when\nGordon; July"
    )


def test_tracked_insertions_and_content_controls_are_read_and_deletions_are_not(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    from docx import Document as Docx
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = Docx()
    paragraph = document.add_paragraph("They met ")
    for tag, text in (("ins", "<w:t>twice</w:t>"), ("del", "<w:delText>once</w:delText>")):
        paragraph._p.append(parse_xml(f"<w:{tag} {nsdecls('w')}><w:r>{text}</w:r></w:{tag}>"))
    control = (
        f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    )
    paragraph._p.addnext(parse_xml(control))
    document.save(str(tmp_path / "t.docx"))
    assert read_document("t.docx").text == "They met twice\n\nIn a control."


def test_truncated_docx_is_reported(skip_reason: Callable[..., str], docx_bytes: bytes) -> None:
    assert "a truncated or damaged file" in skip_reason("t.docx", docx_bytes[:5000])


def test_file_that_is_no_archive_is_reported(skip_reason: Callable[..., str]) -> None:
    assert "not DOCX" in skip_reason("n.docx", b"not a zip at all")


def test_encrypted_docx_is_reported(skip_reason: Callable[..., str]) -> None:
    assert "an encrypted or old binary Office file" in skip_reason("e.docx", b"\xd0\xcf\x11\xe0" + b"\0" * 600)
