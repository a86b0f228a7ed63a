"""What the style of a DOCX paragraph says: heading, title, or an item of a list and how deep it is nested."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
"""The name of a heading's style, with its level."""


def list_depth(paragraph: Paragraph, style: str) -> int:
    """Return how deep an item with this list style is nested, from 1: by its style ("list bullet 2") or level."""
    if found := re.search(r"\d$", style):
        return max(1, int(found[0]))
    levels = paragraph._p.xpath("./w:pPr/w:numPr/w:ilvl/@w:val")
    return 1 + int(levels[0]) if levels and re.fullmatch(r"\d", levels[0]) else 1


def style_name(paragraph: Paragraph) -> str:
    """Return the lower-case name of the heading, title or list style that the paragraph's style is based on, or ""."""
    from docx.oxml.exceptions import XmlchemyError

    try:
        style = paragraph.style
    except (AttributeError, XmlchemyError):  # the style's name is missing, or the part with the styles is damaged
        style = None
    for _ in range(50):  # custom styles are often based on a heading style; a damaged file may have a loop
        if style is None:
            break
        name = (style.name or "").lower()
        if HEADING.match(name) or name == "title" or name.startswith("list") or re.match(r"toc \d", name):
            return str(name)
        style = style.base_style
    properties = paragraph._p.pPr
    return "list" if properties is not None and properties.numPr is not None else ""
