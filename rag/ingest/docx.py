"""DOCX: heading styles are headings; lists and tables are lines; footnotes stay in their own part, unread."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag.errors import ReadError
from rag.ingest.archive import open_archive
from rag.ingest.blocks import Block, Reading
from rag.ingest.clean import iso_date

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_DATE_LINE = re.compile(r"Date\s*:\s*(.{4,30})", re.IGNORECASE)
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def read(data: bytes, name: str) -> Reading:
    """The DOCX in ``data``.

    Title: a paragraph in the style Title, else the file's own. Date: a ``Date:`` line among the first
    paragraphs, else the date of creation that its author's program wrote.

    Raises:
        ReadError: it is truncated, encrypted, a zip bomb, or not DOCX.
    """
    open_archive(data, "DOCX").close()
    from docx import Document
    from docx.opc.exceptions import OpcError

    try:
        document = Document(io.BytesIO(data))
        blocks, title, date = _parts(document)
        facts = document.core_properties
        created = iso_date(facts.created.date().isoformat()) if facts.created else None
    except (OpcError, KeyError, ValueError, SyntaxError) as error:  # lxml's XMLSyntaxError is a SyntaxError
        raise ReadError(f"damaged, or not DOCX: {error}") from None
    # A template's properties say nothing: python-docx's own is dated 2013 and has no author's title.
    template = created == "2013-12-23"
    return Reading(
        blocks=tuple(blocks),
        media_type=MEDIA_TYPE,
        title=title or (facts.title if facts.title and facts.title != "Word Document" else None),
        date=date or (None if template else created),
    )


def _parts(document: Any) -> tuple[list[Block], str | None, str | None]:
    from docx.table import Table

    blocks: list[Block] = []
    title: str | None = None
    date: str | None = None
    items: list[str] = []
    for part in _elements(document):
        if isinstance(part, Table):
            text, style = "\n".join(_rows(part)), "table"
        else:
            text, style = _text(part), _style(part)
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


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    while style is not None:  # a style of the author's own is often based on a heading
        name = (style.name or "").lower()
        if _HEADING.match(name) or name == "title" or name.startswith("list"):
            return str(name)
        style = style.base_style
    properties = paragraph._p.pPr
    return "list" if properties is not None and properties.numPr is not None else ""


def _text(paragraph: Paragraph) -> str:
    """The paragraph's text as it reads with tracked changes accepted, without typed footnote marks.

    python-docx gives only the runs that stand directly in a paragraph; those inside insertions and
    content controls are found here.
    """
    from docx.text.run import Run

    words = ""
    for element in paragraph._p.xpath(".//w:r[not(ancestor::w:del) and not(ancestor::*[local-name()='Fallback'])]"):
        run = Run(element, paragraph)
        is_mark = run.font.superscript and re.fullmatch(r"[\d,*†‡\s\[\]]+", run.text)
        if not (is_mark and re.search(r"[^\W\d]$|[.,;:”\")]$", words)):
            words += run.text
    return words


def _elements(document: Any) -> Iterator[Any]:
    """The paragraphs and tables of the body, those in content controls too; a table of contents is left out."""
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


def _rows(table: Any) -> Iterator[str]:
    for row in table.rows:
        cells: list[str] = []
        seen: set[int] = set()
        for cell in row.cells:
            text = " ".join(cell.text.split())
            if id(cell._tc) not in seen and text:  # a merged cell is given once for each column it covers
                cells.append(text)
            seen.add(id(cell._tc))
        if cells:
            yield "; ".join(cells)
