"""PPTX: a slide is a page, its title a heading; speaker's notes follow the slide's own text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from rag.errors import ReadError
from rag.ingest.archive import open_archive
from rag.ingest.blocks import Block, Reading
from rag.ingest.clean import PAGE, iso_date

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def read(data: bytes, name: str) -> Reading:
    """The PPTX in ``data``. Title: the file's own, else the first slide's. Date: that of its creation.

    Raises:
        ReadError: it is truncated, encrypted, a zip bomb, or not PPTX.
    """
    open_archive(data, "PPTX").close()
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    try:
        deck = Presentation(io.BytesIO(data))
        blocks: list[Block] = []
        for number, slide in enumerate(deck.slides):
            if number:
                blocks.append(Block(text=PAGE))
            blocks += _slide(slide)
        facts = deck.core_properties
        created = iso_date(facts.created.date().isoformat()) if facts.created else None
    except (PythonPptxError, KeyError, ValueError, SyntaxError, AttributeError) as error:
        raise ReadError(f"damaged, or not PPTX: {error}") from None
    own_title = facts.title if facts.title and facts.title != "PowerPoint Presentation" else None
    return Reading(
        blocks=tuple(blocks),
        media_type=MEDIA_TYPE,
        title=own_title,
        date=None if created == "2013-01-27" else created,  # python-pptx's template
        paged=True,
    )


def _slide(slide: Any) -> Iterator[Block]:
    title = slide.shapes.title
    if title is not None and title.has_text_frame and title.text_frame.text.strip():
        yield Block(text=title.text_frame.text.replace("\x0b", " "), level=1)
    for shape in _flat(slide.shapes):
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


def _flat(shapes: Any) -> Iterator[Any]:
    """The shapes of a slide from top to bottom, those in groups too, page furniture left out."""
    from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER

    furniture = {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER}
    for shape in sorted(shapes, key=lambda item: (item.top or 0, item.left or 0)):
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _flat(shape.shapes)
        elif not (shape.is_placeholder and shape.placeholder_format.type in furniture):
            yield shape
