"""Read PPTX: each slide is a page, its title a heading; speaker notes follow the slide's own text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from rag.errors import ReadError
from rag.ingest.archive import DAMAGE, core_properties, open_archive
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.clean import PAGE_BREAK
from rag.ingest.drawing import chart_block, diagram_block
from rag.ingest.omissions import Tally
from rag.ingest.titles import is_generic_heading
from rag.text import join_cells

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_MAX_DEPTH = 50
_FURNITURE = frozenset({"dt", "ftr", "hdr", "sldNum"})
"""Types of placeholders for date, footer, header and slide number."""
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def read_pptx(data: bytes, name: str) -> ParsedDocument:
    """Read the PPTX file in ``data``; title and creation date come from the file's properties.

    Without a title there, the title is that of the first slide. A shape that cannot be read costs only that shape.

    Raises:
        ReadError: the file is truncated, encrypted, a zip bomb, or not PPTX.
    """
    open_archive(data, "PPTX").close()
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    tally = Tally()
    try:
        deck = Presentation(io.BytesIO(data))
        blocks: list[Block] = []
        for number, slide in enumerate(deck.slides, 1):
            if number > 1:
                blocks.append(Block(text=PAGE_BREAK))
            found = list(_Slide(slide, number, tally).blocks())
            if not found and not tally.has(number):
                tally.add("blank slides", part=number)
            blocks += found
    except (PythonPptxError, *DAMAGE) as error:
        raise ReadError(f"damaged, or not PPTX: {error}") from None
    title, created = core_properties(deck)
    # The properties of python-pptx's default template: created in 2013, titled "PowerPoint Presentation".
    own_title = title if title != "PowerPoint Presentation" else None
    first_slide = blocks[0].text if blocks and blocks[0].level and not is_generic_heading(blocks[0].text) else None
    return ParsedDocument(
        blocks=tuple(blocks),
        media_type=_MEDIA_TYPE,
        title=own_title or first_slide,
        date=None if created == "2013-01-27" else created,
        paged=True,
        unit="slide",
        tally=tally,
    )


class _Slide:
    """One slide, read from its XML: python-pptx raises errors at shapes that it does not know, and leaves some out."""

    def __init__(self, slide: Any, number: int, tally: Tally) -> None:
        self._slide = slide
        self._number = number
        self._tally = tally

    def blocks(self) -> Iterator[Block]:
        """Yield the title, the shapes from top to bottom, and the notes."""
        shapes = list(_shapes(self._slide.shapes._spTree, 0))
        title = next((shape for shape in shapes if _placeholder(shape) in {"title", "ctrTitle"}), None)
        if title is not None and (text := " ".join(_text(title, " ").split())):
            yield Block(text=text, level=1)
        places = {id(shape): self._place(shape) for shape in shapes}
        for shape in sorted(shapes, key=lambda item: places[id(item)]):
            if shape is title:
                continue
            try:
                yield from self._shape_blocks(shape)
            except (ValueError, KeyError, AttributeError, TypeError, IndexError, NotImplementedError) as error:
                self._tally.add("damaged parts", part=self._number, detail=f"a shape: {error}")
        yield from self._speaker_text()

    def _place(self, shape: Any) -> tuple[int, int]:
        """Return top and left of a shape, which a placeholder without its own inherits from its layout."""
        if (place := _offset(shape)) is not None:
            return place
        index = next((node.get("idx") or "0" for node in shape.iter("{*}ph")), None)
        try:
            for parent in (self._slide.slide_layout, self._slide.slide_layout.slide_master):
                for node in parent.shapes._spTree.iter("{*}sp"):
                    ph = next(node.iter("{*}ph"), None)
                    same = ph is not None and index is not None and (ph.get("idx") or "0") == index
                    if same and (place := _offset(node)) is not None:
                        return place
        except (AttributeError, KeyError, ValueError):
            pass
        return 0, 0

    def _shape_blocks(self, shape: Any) -> Iterator[Block]:
        kind = _local(shape)
        if kind in {"sp", "cxnSp"}:
            if _placeholder(shape) in _FURNITURE:
                self._tally.add("dates, footers and slide numbers", part=self._number)
            elif (text := _text(shape, "\n")).strip():
                yield Block(text=text)
        elif kind == "graphicFrame":
            yield from self._frame_blocks(shape)
        elif kind == "pic":
            media = next(shape.iter("{*}videoFile", "{*}audioFile"), None)
            self._tally.add("images" if media is None else "videos and sounds", part=self._number)
        else:
            self._tally.add("parts of other formats", part=self._number, detail=kind)

    def _frame_blocks(self, shape: Any) -> Iterator[Block]:
        table = next(shape.iter("{*}tbl"), None)
        chart = next(shape.iter("{*}chart"), None)
        diagram = next(shape.iter("{*}relIds"), None)
        if table is not None:
            rows = [[_text(cell, " ") for cell in row.iterfind("{*}tc")] for row in table.iter("{*}tr")]
            yield Block(text="\n".join(line for row in rows if (line := join_cells(row))))
        elif chart is not None or diagram is not None:
            named: Any = diagram if chart is None else chart
            id_ = named.get(f"{_R}dm" if chart is None else f"{_R}id")
            part = self._part(id_)
            block = None
            if part is not None:
                block = chart_block(part.blob) if chart is not None else diagram_block(part.blob)
            if block is not None:
                yield block
            else:
                what = "chart" if chart is not None else "SmartArt"
                self._tally.add("charts without data", part=self._number, detail=what)
        else:
            name = next((node.get("progId") for node in shape.iter("{*}oleObj") if node.get("progId")), "")
            self._tally.add("embedded objects", part=self._number, detail=name)

    def _part(self, id_: str | None) -> Any:
        try:
            return self._slide.part.related_part(id_)
        except KeyError:
            return None

    def _speaker_text(self) -> Iterator[Block]:
        try:
            if not self._slide.has_notes_slide:
                return
            shapes = list(_shapes(self._slide.notes_slide.shapes._spTree, 0))
        except (KeyError, AttributeError, ValueError) as error:
            self._tally.add("damaged parts", part=self._number, detail=f"notes: {error}")
            return
        for shape in shapes:
            text = _text(shape, "\n")
            if text.strip() and _placeholder(shape) not in {*_FURNITURE, "sldImg"}:
                yield Block(text=text)


def _local(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""


def _shapes(parent: Any, depth: int) -> Iterator[Any]:
    """Yield the shapes below ``parent``; groups are flattened, and one of two alternatives is chosen."""
    for node in parent:
        kind = _local(node)
        if kind == "grpSp":
            if depth < _MAX_DEPTH:
                members = list(_shapes(node, depth + 1))
                yield from sorted(members, key=lambda item: _offset(item) or (0, 0))
        elif kind == "AlternateContent":
            choices = [list(_shapes(child, depth)) for child in node if _local(child) in {"Choice", "Fallback"}]
            with_text = (shapes for shapes in choices if any(_text(shape, "\n").strip() for shape in shapes))
            yield from next(with_text, choices[0] if choices else [])
        elif kind in {"sp", "cxnSp", "graphicFrame", "pic", "contentPart"}:
            yield node


def _placeholder(shape: Any) -> str:
    """Return the type of the placeholder that a shape fills ("body" if it names none), or an empty string."""
    node = next(shape.iter("{*}ph"), None)
    return "" if node is None else node.get("type") or "body"


def _offset(shape: Any) -> tuple[int, int] | None:
    """Return top and left of a shape; those of a member of a group are those of the outermost group."""
    node = shape
    for above in shape.iterancestors():
        if _local(above) == "grpSp":
            node = above
    found = next(node.iter("{*}off"), None)
    try:
        return None if found is None else (int(found.get("y")), int(found.get("x")))
    except (TypeError, ValueError):
        return None


def _text(shape: Any, line_break: str) -> str:
    """Return the paragraphs of a shape on lines; a line break inside a paragraph is a space."""
    lines = []
    for paragraph in shape.iter("{*}p"):
        words = "".join(_pieces(paragraph))
        if words.strip():
            lines.append(words)
    return line_break.join(lines)


def _pieces(node: Any) -> Iterator[str]:
    for child in node:
        kind = _local(child)
        if kind == "t":
            yield child.text or ""
        elif kind in {"br", "tab"}:
            yield " "
        elif kind == "AlternateContent":
            choices = ["".join(_pieces(part)) for part in child]
            yield next((words for words in choices if words.strip()), "")
        elif kind not in {"rPr", "pPr", "endParaRPr"}:
            yield from _pieces(child)
