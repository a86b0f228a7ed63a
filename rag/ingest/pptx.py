"""Read PPTX: each slide is a page, its title a heading; speaker notes follow the slide's own text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from rag.errors import ReadError
from rag.ingest.archive import open_archive
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.clean import PAGE_BREAK
from rag.ingest.dates import iso_date
from rag.ingest.titles import is_generic_heading

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def read_pptx(data: bytes, name: str) -> ParsedDocument:
    """Read the PPTX file in ``data``; title and creation date come from the file's properties.

    Without a title there, the title is that of the first slide.

    Raises:
        ReadError: the file is truncated, encrypted, a zip bomb, or not PPTX.
    """
    open_archive(data, "PPTX").close()
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    try:
        deck = Presentation(io.BytesIO(data))
        blocks: list[Block] = []
        for number, slide in enumerate(deck.slides):
            if number:
                blocks.append(Block(text=PAGE_BREAK))
            blocks += _slide_blocks(slide)
        properties = deck.core_properties
        created = iso_date(properties.created.date().isoformat()) if properties.created else None
    except (PythonPptxError, KeyError, ValueError, SyntaxError, AttributeError) as error:
        raise ReadError(f"damaged, or not PPTX: {error}") from None
    # The properties of python-pptx's default template: created in 2013, titled "PowerPoint Presentation".
    own_title = properties.title if properties.title and properties.title != "PowerPoint Presentation" else None
    first_slide = blocks[0].text if blocks and blocks[0].level and not is_generic_heading(blocks[0].text) else None
    return ParsedDocument(
        blocks=tuple(blocks),
        media_type=_MEDIA_TYPE,
        title=own_title or first_slide,
        date=None if created == "2013-01-27" else created,
        paged=True,
    )


def _slide_blocks(slide: Any) -> Iterator[Block]:
    title = slide.shapes.title
    if title is not None and title.has_text_frame and title.text_frame.text.strip():
        yield Block(text=title.text_frame.text.replace("\x0b", " "), level=1)
    for shape in _content_shapes(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if shape.has_text_frame:
            yield Block(
                text="\n".join(p.text.replace("\x0b", " ") for p in shape.text_frame.paragraphs if p.text.strip())
            )
        elif getattr(shape, "has_table", False):
            rows = ([" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows)
            yield Block(text="\n".join("; ".join(filter(None, row)) for row in rows))
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        yield Block(text=slide.notes_slide.notes_text_frame.text)


def _content_shapes(shapes: Any) -> Iterator[Any]:
    """Yield the shapes from top to bottom, groups flattened, without date, header, footer and slide number."""
    from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER

    dropped = {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER}
    for shape in sorted(shapes, key=lambda item: (item.top or 0, item.left or 0)):
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _content_shapes(shape.shapes)
        elif not (shape.is_placeholder and shape.placeholder_format.type in dropped):
            yield shape
