"""Each chunk of a table that is cut into several knows the names of its columns, and so does its evidence."""

from __future__ import annotations

import io

import pytest

from rag.embedding import count_tokens as count
from rag.ingest import chunk_document, embedding_text, extract
from rag.ingest.source import Source, source_digest
from rag.types import Chunk, Document
from rag.writing.units import evidence_units

ROWS = [f"Lock {n}; {n} May 1990; {n + 7}.00; the crew of boat {n} paid at the office" for n in range(1, 61)]
TABLES = {
    "fees.md": "# Fees\n\n| Lock | Day | Fee | Remarks |\n|---|---|---|---|\n"
    + "\n".join(f"| {row.replace('; ', ' | ')} |" for row in ROWS),
    "fees.html": "<h1>Fees</h1><table><tr><th>Lock<th>Day<th>Fee<th>Remarks</tr>"
    + "".join(f"<tr><td>{row.replace('; ', '</td><td>')}</td></tr>" for row in ROWS)
    + "</table>",
}


def read_chunks(name: str, data: bytes) -> tuple[Document, list[Chunk]]:
    source = Source(id=name, location=name, root="", digest=source_digest([data]), data=data)
    (document,), problems = extract(source)
    assert not problems
    return document, chunk_document(document, count_tokens=count)


def check_long_table(document: Document, chunks: list[Chunk]) -> None:
    rows = [c for c in chunks if "May 1990" in c.text]
    assert len(rows) > 3
    for each in rows:
        assert document.text[each.start : each.end] == each.text
        begins_below = not each.text.startswith(("Lock; Day", "Fees"))
        assert each.columns == ("Lock; Day; Fee; Remarks" if begins_below else "")
        assert "Lock; Day; Fee; Remarks" in embedding_text(each, count)
        assert count(embedding_text(each, count)) <= 253
    said = [unit.text for each in rows for unit in evidence_units(each.text, each.columns)]
    assert "Lock: Lock 60; Day: 60 May 1990; Fee: 67.00; Remarks: the crew of boat 60 paid at the office." in said
    assert len(said) == len(ROWS)


@pytest.mark.parametrize("name", TABLES)
def test_each_chunk_of_a_long_table_knows_its_columns(name: str) -> None:
    check_long_table(*read_chunks(name, TABLES[name].encode()))


def test_each_chunk_of_a_long_docx_table_knows_its_columns() -> None:
    import docx

    file, data = docx.Document(), io.BytesIO()
    file.add_heading("Fees", 1)
    table = file.add_table(0, 4)
    for row in ["Lock; Day; Fee; Remarks", *ROWS]:
        for cell, text in zip(table.add_row().cells, row.split("; "), strict=True):
            cell.text = text
    file.save(data)
    check_long_table(*read_chunks("fees.docx", data.getvalue()))


def test_each_chunk_of_a_long_pdf_table_knows_its_columns() -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate, Table

    data = io.BytesIO()
    rows = [row.split("; ") for row in ["Lock; Day; Fee; Remarks", *ROWS]]
    SimpleDocTemplate(data, pagesize=A4).build([Table(rows, [90, 100, 70, 230])])
    document, chunks = read_chunks("fees.pdf", data.getvalue())
    assert "Lock 60; 60 May 1990; 67.00; the crew of boat 60 paid at the office" in document.text
    assert len(chunks) > 3
    assert all(c.columns == "Lock; Day; Fee; Remarks" or c.text.startswith("Lock; Day") for c in chunks)


def test_an_empty_cell_keeps_its_place_in_a_row() -> None:
    data = b"| Lock | Day | Fee |\n|---|---|---|\n| Ostby | | 7 |\n| Vik | 3 May | |\n"
    document, (chunk,) = read_chunks("a.md", data)
    assert document.text == "Lock; Day; Fee\nOstby; ; 7\nVik; 3 May"
    assert [unit.text for unit in evidence_units(chunk.text)] == ["Lock: Ostby; Fee: 7.", "Lock: Vik; Day: 3 May."]


def test_prose_with_semicolons_on_its_lines_is_no_table() -> None:
    text = "We came; we saw.\nThey left; we stayed.\nNobody spoke; all slept.\n" * 30
    assert not any(
        c.columns
        for c in chunk_document(
            Document(id="a.txt", title="A title", text=text.strip(), source="a.txt"), count_tokens=count
        )
    )
