"""Read OpenDocument text: its headings, lists and tables; footnotes, comments and deleted text are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZipFile

from rag.errors import ReadError
from rag.ingest.archive import open_archive, read_member
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.dates import iso_date
from rag.ingest.odt_styles import Styles
from rag.ingest.omissions import Tally
from rag.text import bullet, join_cells

_MEDIA_TYPE = "application/vnd.oasis.opendocument.text"
_LEFT_OUT = {"annotation": "comments", "annotation-end": "", "tracked-changes": "", "forms": "", "number": ""}
_INDEXES = frozenset(
    {"table-of-content", "alphabetical-index", "illustration-index", "table-index", "object-index", "user-index"}
)
_MAX_SPACES = 100
_MAX_CELLS = 200
"""How often a cell is repeated at most; a row of text is no wider."""


def read_odt(data: bytes, name: str) -> ParsedDocument:
    """Read the ODT file in ``data``, with its tracked changes accepted.

    The title is a paragraph in the style Title, else the title in the file's properties; the date is that of its
    creation.

    Raises:
        ReadError: the file is truncated, encrypted, a zip bomb, or not ODT.
    """
    with open_archive(data, "ODT") as archive:
        _check_encryption(archive)
        content = _part(archive, "content.xml")
        text = content.find("{*}body/{*}text")
        if text is None:
            raise ReadError("not ODT: another kind of OpenDocument file")
        styles = _part(archive, "styles.xml") if "styles.xml" in archive.namelist() else None
        meta = _part(archive, "meta.xml") if "meta.xml" in archive.namelist() else None
    body = _Body(Styles.of(*(tree for tree in (styles, content) if tree is not None)))
    body.read(text)
    _count_margins(styles, body)
    return ParsedDocument(
        blocks=tuple(body.blocks),
        media_type=_MEDIA_TYPE,
        title=body.title or _property(meta, "title"),
        date=iso_date(_property(meta, "creation-date")),
        tally=body.tally,
    )


def _check_encryption(archive: ZipFile) -> None:
    names = archive.namelist()
    manifest = read_member(archive, "META-INF/manifest.xml") if "META-INF/manifest.xml" in names else b""
    if "encrypted-package" in names or b"encryption-data" in manifest:
        raise ReadError("encrypted: it needs a password")


def _part(archive: ZipFile, name: str) -> Any:
    """Return the tree of a part; its entities are not expanded, and its depth is at most that of libxml2 (256)."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(read_member(archive, name), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"damaged: {name}: {error}") from None


def _property(meta: Any, name: str) -> str | None:
    node = None if meta is None else meta.find(f".//{{*}}{name}")
    return None if node is None else " ".join("".join(node.itertext()).split()) or None


def _count_margins(styles: Any, body: _Body) -> None:
    for part in () if styles is None else styles.iterfind(".//{*}master-page/*"):
        if _local(part) in {"header", "footer", "header-left", "footer-left", "header-first", "footer-first"}:
            words = " ".join(" ".join(part.itertext()).split())
            body.tally.add("page headers and footers", count=bool(words), detail=words)


def _local(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""


def attribute(node: Any, name: str) -> str:
    """Return the attribute ``name`` of whatever namespace, or an empty string."""
    return next((value for key, value in node.attrib.items() if key.rpartition("}")[2] == name), "")


def _count(node: Any, name: str, limit: int) -> int:
    value = attribute(node, name)
    return min(int(value), limit) if value.isdecimal() and len(value) < 10 else limit if value.isdecimal() else 1


@dataclass(slots=True)
class _Body:
    """Collects the blocks and the title of a document."""

    styles: Styles
    blocks: list[Block] = field(default_factory=list)
    title: str | None = None
    tally: Tally = field(default_factory=Tally)
    items: list[str] = field(default_factory=list)

    def read(self, parent: Any) -> None:
        """Read the elements of the document's body, of a section or of a text box."""
        for node in parent:
            self._add(node)
        self._flush_items()

    def _flush_items(self) -> None:
        if self.items:
            self.blocks.append(Block(text="\n".join(self.items)))
            self.items = []

    def _add(self, node: Any) -> None:
        kind = _local(node)
        if kind != "list":
            self._flush_items()
        if kind in {"p", "h"}:
            self._add_paragraph(node)
        elif kind == "list":
            self._add_list(node, 1)
        elif kind == "table":
            self._add_table(node)
        elif kind in _INDEXES:
            self.tally.add("contents")
        elif kind in {"section", "index-body", "index-title", "bibliography", "numbered-paragraph"}:
            self.read(node)
        elif kind in {"frame", "a", "g", "custom-shape", "rect"}:  # anchored to the page
            self._flush_items()
            self.blocks += self._drawn([node])

    def _add_paragraph(self, node: Any) -> None:
        drawn: list[Any] = []
        text = self.text_of(node, drawn)
        style = attribute(node, "style-name")
        level = self._level(node)
        if not text.strip():
            pass
        elif self.styles.is_title(style) and self.title is None:
            self.title = " ".join(text.split())
        else:
            self.blocks.append(Block(text=text, level=1 if self.styles.is_title(style) else level))
        self.blocks += self._drawn(drawn)

    def _level(self, node: Any) -> int:
        """Return the level of a heading, or 0; one that no style names may be a paragraph in the style of a heading."""
        if _local(node) == "h":
            return max(1, min(_count(node, "outline-level", 9), 9))
        return self.styles.heading_level(attribute(node, "style-name"))

    def _add_list(self, node: Any, depth: int) -> None:
        """Read a list. A heading within one, which has its number from the list, is a heading."""
        for item in node:
            marked = False
            for child in item:
                kind = _local(child)
                if kind == "list":
                    self._add_list(child, depth + 1)
                    marked = False  # what comes behind it is no part of its last item
                elif kind == "p" and not self._level(child):
                    drawn: list[Any] = []
                    text = " ".join(self.text_of(child, drawn).split())
                    if text and marked and self.items:
                        self.items[-1] += f" {text}"
                    elif text:
                        self.items.append(f"{bullet(depth)}{text}")
                        marked = True
                    if boxes := list(self._drawn(drawn)):
                        self._flush_items()
                        self.blocks += boxes
                else:
                    self._add(child)

    def _add_table(self, node: Any) -> None:
        drawn: list[Any] = []
        rows = "\n".join(self._rows(node, drawn))
        if rows:
            self.blocks.append(Block(text=rows))
        self.blocks += self._drawn(drawn)

    def _rows(self, table: Any, drawn: list[Any]) -> Iterator[str]:
        """Yield each row that is not empty as a line. A cell that spans rows is repeated on each."""
        above: dict[int, tuple[str, int]] = {}
        for row in _table_rows(table):
            cells: list[str] = []
            column = 0
            for cell in row:
                kind = _local(cell)
                if kind not in {"table-cell", "covered-table-cell"}:
                    continue
                own = None
                if kind == "table-cell":
                    own = self._cell_text(cell, drawn), _count(cell, "number-rows-spanned", 10**6)
                for _ in range(_count(cell, "number-columns-repeated", _MAX_CELLS)):
                    text, left = own or above.get(column, ("", 0))
                    if own or left > 0:
                        cells.append(text)
                    above[column] = text, left - 1
                    column += 1
                if column > 10 * _MAX_CELLS:
                    break
            if any(cells):
                yield join_cells(cells)

    def _cell_text(self, cell: Any, drawn: list[Any]) -> str:
        parts: list[str] = []
        for node in cell:
            kind = _local(node)
            if kind in {"p", "h"}:
                parts.append(self.text_of(node, drawn))
            elif kind == "table":
                parts.append("; ".join(row.replace("; ", ", ") for row in self._rows(node, drawn)))
            elif kind in {"list", "list-item", "list-header", "section"}:
                parts.append(self._cell_text(node, drawn))
        return " ".join(" ".join(parts).split())

    def text_of(self, parent: Any, drawn: list[Any]) -> str:
        """Return the words of a paragraph; frames and shapes that are anchored in it are added to ``drawn``."""
        if self.styles.is_hidden(attribute(parent, "style-name"), of_span=_local(parent) == "span"):
            self.tally.add("hidden text", detail="".join(parent.itertext()))
            return ""
        words = [parent.text or ""]
        for node in parent:
            match _local(node):
                case "s":
                    words.append(" " * _count(node, "c", _MAX_SPACES))
                case "tab":
                    words.append("\t")
                case "line-break":
                    words.append("\n")
                case "note":
                    kind = attribute(node, "note-class") or "footnote"
                    self.tally.add(f"{kind}s", detail=" ".join("".join(node.itertext()).split()))
                case "ruby-text" | "":
                    pass
                case kind if kind in _LEFT_OUT:
                    self.tally.add(_LEFT_OUT[kind], count=bool(_LEFT_OUT[kind]))
                case "frame" | "custom-shape" | "rect" | "ellipse" | "g" | "text-box" | "line" | "connector":
                    drawn.append(node)
                case _:
                    words.append(self.text_of(node, drawn))
            words.append(node.tail or "")
        return "".join(words)

    def _drawn(self, nodes: list[Any]) -> list[Block]:
        """Return the text of boxes and shapes; pictures, formulas and other objects are counted.

        A frame has the same content in several forms, of which the first is read: an object, then its picture.
        """
        inner = _Body(self.styles, tally=self.tally)
        for node in nodes:
            kind = _local(node)
            if kind == "frame":
                inner.blocks += self._drawn([child for child in node if _local(child) in _CONTENTS][:1])
            elif kind in {"object", "object-ole"}:
                self.tally.add("embedded objects", detail=attribute(node, "href"))
            elif kind == "image":
                self.tally.add("images")
            elif kind in {"g", "a"}:
                inner.blocks += self._drawn(list(node))
            else:
                inner.read(node)
        return [*([Block(text=inner.title, level=1)] if inner.title else []), *inner.blocks]


_CONTENTS = frozenset({"text-box", "object", "object-ole", "image", "plugin", "applet", "floating-frame"})


def _table_rows(parent: Any) -> Iterator[Any]:
    """Yield the rows of a table, those of its header and of groups too."""
    for node in parent:
        if _local(node) == "table-row":
            yield node
        elif _local(node) in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from _table_rows(node)
