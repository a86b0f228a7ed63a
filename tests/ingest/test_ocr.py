"""Pages without a text layer are read by OCR if that is asked for, and offered it if not."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import CliRunner

from rag.ingest import extract, require_ocr, with_ocr
from rag.ingest.source import Source, source_digest

LINES = ["The lock at Ostby opens at seven in the morning.", "On 3 May 1990 the keeper counted 412 boats there."]


def scan(turn: int = 0) -> bytes:
    """A PDF of two pages: the first is a picture of text turned by degrees, the second has a text layer."""
    import pypdfium2
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    typed = io.BytesIO()
    canvas = Canvas(typed)
    for n, line in enumerate(LINES):
        canvas.setFont("Times-Roman", 14)
        canvas.drawString(72, 700 - 24 * n, line)
    canvas.save()
    picture = pypdfium2.PdfDocument(typed.getvalue())[0].render(scale=150 / 72).to_pil().rotate(turn, expand=True)
    data = io.BytesIO()
    canvas = Canvas(data)
    canvas.setPageSize((picture.width * 72 / 150, picture.height * 72 / 150))
    canvas.drawImage(ImageReader(picture), 0, 0, *canvas._pagesize)
    canvas.showPage()
    canvas.drawString(72, 700, "The second page is no picture, and it is read as it is typed.")
    canvas.save()
    return data.getvalue()


def make_source(data: bytes) -> Source:
    return Source(id="scan.pdf", location="scan.pdf", root="", digest=source_digest([data]), data=data)


def test_a_page_without_a_text_layer_is_read_by_ocr_and_accounted_for() -> None:
    pytest.importorskip("rapidocr")
    require_ocr()
    (document,), problems = extract(with_ocr(make_source(scan())))
    assert not problems
    text = " ".join(document.text[: document.page_starts[1]].split())
    assert text == " ".join(LINES)
    assert document.coverage.by_ocr == (1,)
    assert document.coverage.read == document.coverage.total == 2
    assert not any(item.lost for item in document.coverage.omissions)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_was_scanned_sideways_or_upside_down_is_turned(turn: int) -> None:
    pytest.importorskip("rapidocr")
    (document,), _ = extract(with_ocr(make_source(scan(turn))))
    assert " ".join(document.text[: document.page_starts[1]].split()) == " ".join(LINES)


def test_a_page_without_a_text_layer_is_named_without_ocr() -> None:
    (document,), _ = extract(make_source(scan()))
    assert document.coverage.by_ocr == ()
    assert [(item.what, item.parts) for item in document.coverage.omissions if item.lost] == [("no text layer", (1,))]


def test_only_a_pdf_is_read_again_with_ocr() -> None:
    source = make_source(b"x")
    assert with_ocr(source).digest != source.digest
    text = Source(id="a.txt", location="a.txt", root="", digest="d")
    assert with_ocr(text) == text


@pytest.mark.integration
def test_index_offers_ocr_by_name_and_keeps_what_it_read(tmp_path: Path) -> None:
    from rag.cli.main import cli

    (tmp_path / "scan.pdf").write_bytes(scan())
    store = ["--store", str(tmp_path / "i.index")]
    plain = CliRunner().invoke(cli, ["index", str(tmp_path / "scan.pdf"), *store])
    assert "partly read scan.pdf: no text layer (page 1)" in plain.output
    assert "pip install 'citebrief[ocr]', then index it again with --ocr" in plain.output
    pytest.importorskip("rapidocr")
    estimated = CliRunner().invoke(cli, ["index", "--ocr", "--dry-run", str(tmp_path / "scan.pdf"), *store])
    assert "1 passage" in estimated.output, "as many as the index below embeds"
    read = CliRunner().invoke(cli, ["index", "--ocr", str(tmp_path / "scan.pdf"), *store])
    assert "1 changed" in read.output
    assert "no text layer" not in read.output
    again = CliRunner().invoke(cli, ["index", str(tmp_path / "scan.pdf"), *store])
    assert "1 unchanged" in again.output
    shown = CliRunner().invoke(cli, ["show", "--document", "scan.pdf", *store])
    assert "page 1 read by OCR" in shown.output
