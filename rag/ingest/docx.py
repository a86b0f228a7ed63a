"""Read DOCX: heading styles give headings, lists and tables become lines, footnotes are left out."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag.errors import ReadError
from rag.ingest.archive import open_archive
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.dates import iso_date

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_DATE_LINE = re.compile(r"Date\s*:\s*(.{4,30})", re.IGNORECASE)
_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def read_docx(data: bytes, name: str) -> ParsedDocument:
    """Read the DOCX file in ``data``.

    The title is a paragraph in the style Title, else the title in the file's properties. The date is a ``Date:`` line
    among the first paragraphs, else the creation date in the file's properties.

    Raises:
        ReadError: the file is truncated, encrypted, a zip bomb, or not DOCX.
    """
    open_archive(data, "DOCX").close()
    from docx import Document
    from docx.opc.exceptions import OpcError

    try:
        document = Document(io.BytesIO(data))
        blocks, title, date = _parse_body(document)
        properties = document.core_properties
        created = iso_date(properties.created.date().isoformat()) if properties.created else None
    except (OpcError, KeyError, ValueError, SyntaxError) as error:  # lxml's XMLSyntaxError is a SyntaxError
        raise ReadError(f"damaged, or not DOCX: {error}") from None
    # The properties of python-docx's default template: created in 2013, titled "Word Document".
    from_template = created == "2013-12-23"
    own_title = properties.title if properties.title and properties.title != "Word Document" else None
    return ParsedDocument(
        blocks=tuple(blocks),
        media_type=_MEDIA_TYPE,
        title=title or own_title,
        date=date or (None if from_template else created),
    )


def _parse_body(document: Any) -> tuple[list[Block], str | None, str | None]:
    """Return the blocks, the title and the date in the document's body."""
    from docx.table import Table

    blocks: list[Block] = []
    title: str | None = None
    date: str | None = None
    items: list[str] = []
    for element in _body_elements(document):
        if isinstance(element, Table):
            text, style = "\n".join(_table_rows(element)), "table"
        else:
            text, style = _paragraph_text(element), _style_name(element)
        if items and not style.startswith("list"):
            blocks.append(Block(text="\n".join(items)))
            items = []
        found = _DATE_LINE.fullmatch(text.strip()) if len(blocks) < 6 and date is None else None
        if not text.strip():
            continue
        if found and (date := iso_date(found.group(1))):
            continue
        if style == "title" and title is None:
            title = " ".join(text.split())
        elif style == "title" or (level := _HEADING.match(style)):
            blocks.append(Block(text=text, level=1 if style == "title" else int(level.group(1))))  # type: ignore[union-attr]
        elif style.startswith("list"):
            items.append(f"- {text.strip()}")
        else:
            blocks.append(Block(text=text))
    if items:
        blocks.append(Block(text="\n".join(items)))
    return blocks, title, date


def _style_name(paragraph: Paragraph) -> str:
    """Return the lower-case name of the heading, title or list style that the paragraph's style is based on, or ""."""
    style = paragraph.style
    while style is not None:  # custom styles are often based on a heading style
        name = (style.name or "").lower()
        if _HEADING.match(name) or name == "title" or name.startswith("list"):
            return str(name)
        style = style.base_style
    properties = paragraph._p.pPr
    return "list" if properties is not None and properties.numPr is not None else ""


def _paragraph_text(paragraph: Paragraph) -> str:
    """Return the paragraph's text with tracked changes accepted and typed footnote marks removed.

    python-docx returns only the runs directly in a paragraph; this one includes those in insertions and content
    controls.
    """
    from docx.text.run import Run

    words = ""
    for element in paragraph._p.xpath(".//w:r[not(ancestor::w:del) and not(ancestor::*[local-name()='Fallback'])]"):
        run = Run(element, paragraph)
        is_mark = run.font.superscript and re.fullmatch(r"[\d,*†‡\s\[\]]+", run.text)
        if not (is_mark and re.search(r"[^\W\d]$|[.,;:”\")]$", words)):
            words += run.text
    return words


def _body_elements(document: Any) -> Iterator[Any]:
    """Yield the paragraphs and tables of the body, those in content controls too, except the table of contents."""
    from docx.oxml.ns import nsmap
    from docx.table import Table
    from docx.text.paragraph import Paragraph
    from lxml import etree

    outermost = etree.XPath(
        "./w:p | ./w:tbl | ./w:sdt[not(w:sdtPr//w:docPartGallery[@w:val='Table of Contents'])]"
        "/w:sdtContent//*[(self::w:p or self::w:tbl) and not(ancestor::w:tbl)]",
        namespaces={"w": nsmap["w"]},
    )
    for element in outermost(document.element.body):
        yield Table(element, document) if element.tag.endswith("}tbl") else Paragraph(element, document)


def _table_rows(table: Any) -> Iterator[str]:
    """Yield the non-empty cells of each row, joined by ``; ``."""
    for row in table.rows:
        cells: list[str] = []
        seen: set[int] = set()
        for cell in row.cells:
            text = " ".join(cell.text.split())
            if id(cell._tc) not in seen and text:  # python-docx repeats a merged cell for each column it spans
                cells.append(text)
            seen.add(id(cell._tc))
        if cells:
            yield "; ".join(cells)
