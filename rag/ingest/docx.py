"""Read DOCX: heading styles give headings, lists and tables become lines, footnotes are left out."""

from __future__ import annotations

import email
import email.policy
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from rag.errors import ReadError
from rag.ingest.archive import DAMAGE, core_properties, open_archive
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.dates import iso_date
from rag.ingest.docx_parts import count_parts
from rag.ingest.docx_styles import HEADING, list_depth, style_name
from rag.ingest.drawing import SYMBOLS, chart_block, diagram_block
from rag.ingest.omissions import UNREADABLE, Tally
from rag.text import bullet, join_cells

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

_DATE_LINE = re.compile(r"Date\s*:\s*(.{4,30})", re.IGNORECASE)
_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_MAX_DEPTH = 8
"""Depth of documents in documents, and of tables in tables."""

_DELETED = frozenset({"del", "moveFrom", "rPr", "pPr", "instrText", "delText", "Fallback"})
_CONTAINERS = frozenset(
    {"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice", "hyperlink", "body"}
)
_MARK = re.compile(r"[\d,*†‡\s\[\]]+")


def read_docx(data: bytes, name: str) -> ParsedDocument:
    """Read the DOCX file in ``data``, with its tracked changes accepted.

    The title is a paragraph in the style Title, else the title in the file's properties. The date is a ``Date:`` line
    among the first paragraphs, else the creation date in the file's properties.

    Raises:
        ReadError: the file is truncated, encrypted, a zip bomb, or not DOCX.
    """
    return _read(data, 0)


def _read(data: bytes, depth: int) -> ParsedDocument:
    open_archive(data, "DOCX").close()
    from docx import Document
    from docx.opc.exceptions import OpcError
    from docx.oxml.exceptions import XmlchemyError

    try:
        document = Document(io.BytesIO(data))
        body = _Body(document=document, depth=depth)
        body.read(document.element.body)
        count_parts(document.part.package, body.tally)
    except (OpcError, XmlchemyError, *DAMAGE) as error:
        raise ReadError(f"damaged, or not DOCX: {error}") from None
    title, created = core_properties(document)
    # The properties of python-docx's default template: created in 2013, titled "Word Document".
    from_template = created == "2013-12-23"
    own_title = title if title != "Word Document" else None
    return ParsedDocument(
        blocks=tuple(body.blocks),
        media_type=_MEDIA_TYPE,
        title=body.title or own_title,
        date=body.date or (None if from_template else created),
        tally=body.tally,
    )


def _xpath(node: Any, path: str) -> list[Any]:
    """Return what ``path`` finds from ``node``; python-docx's own method does not know elements without a class."""
    found = node.xpath(path, namespaces={"w": _W}) if type(node).__name__ == "_Element" else node.xpath(path)
    return list(found)


def _local(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""


@dataclass(slots=True)
class _Body:
    """Collects the blocks, the title and the date of a document."""

    document: Any
    depth: int
    blocks: list[Block] = field(default_factory=list)
    title: str | None = None
    date: str | None = None
    tally: Tally = field(default_factory=Tally)
    items: list[str] = field(default_factory=list)
    joined: str = ""
    """The text of paragraphs whose mark is deleted: it belongs to the next paragraph, if that follows."""

    def read(self, body: Any) -> None:
        """Read the elements of the document's body."""
        elements = list(_block_elements(body))
        for element, following in zip_longest(elements, elements[1:]):
            self._add(element, following)
        self._flush_items()

    def _flush_items(self) -> None:
        if self.items:
            self.blocks.append(Block(text="\n".join(self.items)))
            self.items = []

    def _add(self, element: Any, following: Any) -> None:
        from docx.text.paragraph import Paragraph

        kind = _local(element)
        if kind == "tbl":
            self._flush_items()
            self._append("\n".join(_Table(self, element, 0).rows()))
        elif kind == "altChunk":
            self._flush_items()
            self.add_part(element)
        elif kind == "contents":
            self.tally.add("contents")
        else:
            paragraph = Paragraph(element, self.document)
            text = self.joined + self.text_of(element)
            self.joined = ""
            is_joined = _xpath(element, "./w:pPr/w:rPr/w:del | ./w:pPr/w:rPr/w:moveFrom")
            if is_joined and following is not None and _local(following) == "p":
                self.joined = text
            else:
                self._add_paragraph(text, paragraph)
            for drawn in self.drawn(element):
                self._flush_items()
                self.blocks.append(drawn)

    def _append(self, text: str) -> None:
        if text.strip():
            self.blocks.append(Block(text=text))

    def _add_paragraph(self, text: str, paragraph: Paragraph) -> None:
        if not text.strip():
            return
        style = style_name(paragraph)
        if not style.startswith("list"):
            self._flush_items()
        found = _DATE_LINE.fullmatch(text.strip()) if len(self.blocks) < 6 and self.date is None else None
        if found and (date := iso_date(found.group(1))):
            self.date = date
        elif style == "title" and self.title is None:
            self.title = " ".join(text.split())
        elif style.startswith("toc"):
            self.tally.add("contents")
        elif style == "title" or (level := HEADING.match(style)):
            self.blocks.append(Block(text=text, level=1 if style == "title" else int(level.group(1))))  # type: ignore[union-attr]
        elif style.startswith("list"):
            self.items.append(f"{bullet(list_depth(paragraph, style))}{text.strip()}")
        else:
            self.blocks.append(Block(text=text))

    def add_part(self, element: Any) -> None:
        """Read a document that is embedded whole, as many programs write what they convert from HTML."""
        from docx.oxml.ns import qn

        part = self.document.part.related_parts.get(element.get(qn("r:id")))
        if part is None:
            self.tally.add("missing parts", detail="an embedded document")
            return
        name, kind = str(part.partname), str(part.content_type).lower()
        try:
            blocks = list(self._part_blocks(part.blob, name, kind))
        except ReadError as error:
            self.tally.add("damaged parts", detail=f"{name}: {error}")
            return
        if blocks:
            self.blocks += blocks
        else:
            self.tally.add("parts of other formats", detail=f"{name} ({kind})")

    def _part_blocks(self, data: bytes, name: str, kind: str) -> Iterator[Block]:
        from rag.ingest.encoding import decode
        from rag.ingest.html.blocks import html_blocks
        from rag.ingest.html.tree import parse_html

        suffix = name.rpartition(".")[2].lower()
        if "wordprocessingml" in kind or suffix in {"docx", "docm", "dotx"}:
            if self.depth < _MAX_DEPTH:
                yield from _read(data, self.depth + 1).blocks
        elif "message/rfc822" in kind or suffix in {"mht", "mhtml", "eml"}:
            for part in email.message_from_bytes(data, policy=email.policy.default).walk():
                content = part.get_payload(decode=True)
                if part.get_content_type() == "text/html" and isinstance(content, bytes) and content.strip():
                    yield from html_blocks(parse_html(content)[1])
                    return
        elif "html" in kind or suffix in {"html", "htm", "xhtml"}:
            if data.strip():
                yield from html_blocks(parse_html(data)[1])
        elif kind.startswith("text/plain") or suffix == "txt":
            text, _ = decode(data)
            yield from (Block(text=part) for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip())

    def text_of(self, paragraph: Any) -> str:
        """Return the words of a paragraph with tracked changes accepted and typed footnote marks removed."""
        words = ""
        for run in _runs(paragraph):
            text, marks = self._run_text(run)
            is_mark = marks and _MARK.fullmatch(text)
            if not (is_mark and re.search(r"[^\W\d]$|[.,;:”\")]$", words)):
                words += text
        return words

    def _run_text(self, run: Any) -> tuple[str, bool]:
        """Return the words of a run, and whether they are superscript."""
        if _local(run) == "oMath":
            return "".join(node.text or "" for node in run.iter() if _local(node) == "t"), False
        hidden = _xpath(run, "./w:rPr/w:vanish[not(@w:val) or not(@w:val='0' or @w:val='false' or @w:val='off')]")
        raised = bool(_xpath(run, "./w:rPr/w:vertAlign[@w:val='superscript']"))
        text = ""
        for node in run:
            match _local(node):
                case "t":
                    text += node.text or ""
                case "tab" | "ptab":
                    text += "\t"
                case "br" | "cr":
                    text += "\n"
                case "noBreakHyphen":
                    text += "-"
                case "sym":
                    text += self._symbol(node)
                case "ruby":
                    base, above = ("".join(map(self.text_of, _inside(node, kind))) for kind in ("rubyBase", "rt"))
                    text += f"{base}({above})" if above.strip() else base
        if hidden and text.strip():
            self.tally.add("hidden text", detail=text)
            return "", False
        return text, raised

    def _symbol(self, node: Any) -> str:
        from docx.oxml.ns import qn

        try:
            code = int(node.get(qn("w:char")) or "", 16)
        except ValueError:
            return ""
        if not 0xE000 <= code <= 0xF8FF:
            return chr(code) if code < 0x110000 and not 0xD800 <= code <= 0xDFFF else ""
        if code not in SYMBOLS:
            self.tally.add(UNREADABLE, detail=f"font {node.get(qn('w:font'))}")
        return SYMBOLS.get(code, "\ufffd")

    def drawn(self, element: Any) -> Iterator[Block]:
        """Yield the text boxes, charts and SmartArt that are anchored in an element; pictures are counted."""
        from docx.oxml.ns import qn

        for node in _drawings(element):
            kind = _local(node)
            if kind == "txbxContent":
                inner = _Body(document=self.document, depth=self.depth, tally=self.tally)
                inner.read(node)
                yield from inner.blocks
                continue
            if kind in {"blip", "imagedata"}:
                self.tally.add("images")
                continue
            if kind == "OLEObject":
                self.tally.add("embedded objects", detail=node.get("ProgID") or "")
                continue
            part = self.document.part.related_parts.get(node.get(qn("r:id")) or node.get(qn("r:dm")))
            block = None
            if part is not None:
                block = chart_block(part.blob) if kind == "chart" else diagram_block(part.blob)
            if block is not None:
                yield block
            else:
                self.tally.add("charts without data", detail=kind)


def _block_elements(parent: Any) -> Iterator[Any]:
    """Yield the paragraphs, tables and embedded documents below ``parent``, those in content controls too.

    A table of contents is yielded as one element of the name ``contents``.
    """
    from lxml import etree

    for element in parent:
        kind = _local(element)
        if kind in {"p", "tbl", "altChunk"}:
            yield element
        elif kind == "sdt" and _xpath(element, "./w:sdtPr//w:docPartGallery[@w:val='Table of Contents']"):
            yield etree.Element("contents")
        elif kind in _CONTAINERS:
            yield from _block_elements(element)


def _runs(parent: Any) -> Iterator[Any]:
    """Yield the runs and formulas of a paragraph, without deleted ones and those of text boxes in it."""
    for node in parent:
        kind = _local(node)
        if kind in {"r", "oMath"}:
            yield node
        elif kind not in _DELETED:
            yield from _runs(node)


def _drawings(element: Any) -> Iterator[Any]:
    """Yield the text boxes, charts, diagrams, pictures and objects in an element, not those inside a text box.

    Word writes a drawing twice, for itself and for older programs (``Fallback``); the second is read if the first has
    no text.
    """
    for node in element:
        kind = _local(node)
        if kind == "AlternateContent":
            choices = [list(_drawings(child)) for child in node if _local(child) in {"Choice", "Fallback"}]
            with_text = (found for found in choices if any(_has_text(item) for item in found))
            yield from next(with_text, choices[0] if choices else [])
        elif kind in {"txbxContent", "chart", "relIds", "blip", "imagedata", "OLEObject"}:
            yield node
        elif kind not in {"del", "moveFrom", "tbl"}:
            yield from _drawings(node)


def _has_text(node: Any) -> bool:
    return _local(node) in {"chart", "relIds"} or any(_local(child) == "t" and child.text for child in node.iter())


@dataclass(slots=True)
class _Table:
    """A table whose rows become lines; ``depth`` counts the tables around it."""

    body: _Body
    element: Any
    depth: int

    def rows(self) -> Iterator[str]:
        """Yield each row that is not empty as a line. A cell that spans rows is repeated on each."""
        from docx.oxml.ns import qn

        above: dict[int, str] = {}
        for row in _inside(self.element, "tr"):
            if _xpath(row, "./w:trPr/w:del"):
                continue
            cells: list[str] = []
            column = sum(int(skip) for skip in _xpath(row, "./w:trPr/w:gridBefore/@w:val") if skip.isdecimal())
            for cell in _inside(row, "tc"):
                text = self._cell_text(cell)
                merge = _xpath(cell, "./w:tcPr/w:vMerge")
                if merge and merge[0].get(qn("w:val")) != "restart" and not text:
                    text = above.get(column, "")
                above[column] = text if merge else ""
                cells.append(text)
                column += next((int(n) for n in _xpath(cell, "./w:tcPr/w:gridSpan/@w:val") if n.isdecimal()), 1)
            if any(cells):
                yield join_cells(cells)

    def _cell_text(self, cell: Any) -> str:
        parts: list[str] = []
        for element in _block_elements(cell):
            if _local(element) == "p":
                parts.append(self.body.text_of(element))
            elif _local(element) == "tbl" and self.depth < _MAX_DEPTH:
                nested = _Table(self.body, element, self.depth + 1)
                parts.append("; ".join(row.replace("; ", ", ") for row in nested.rows()))
            elif _local(element) == "altChunk":
                inner = _Body(document=self.body.document, depth=self.body.depth, tally=self.body.tally)
                inner.add_part(element)
                parts += [block.text for block in inner.blocks]
            parts += [block.text for block in self.body.drawn(element)]
        return " ".join(" ".join(parts).split())


def _inside(parent: Any, kind: str) -> Iterator[Any]:
    """Yield the rows of a table or the cells of a row, those in content controls and insertions too."""
    for node in parent:
        if _local(node) == kind:
            yield node
        elif _local(node) in _CONTAINERS:
            yield from _inside(node, kind)
