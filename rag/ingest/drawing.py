"""Read what is drawn in Office files: charts and SmartArt, which DOCX and PPTX keep in parts of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.ingest.blocks import Block
from rag.ingest.office_values import date_text, is_date_format, number_text

SYMBOLS = {
    0xF0B7: "•",
    0xF0A7: "▪",
    0xF0A8: "▫",
    0xF06E: "▪",
    0xF06C: "●",
    0xF0D8: "➢",
    0xF076: "❖",
    0xF0FC: "✓",
    0xF0FE: "☑",
    0xF0A3: "≤",
    0xF0B3: "≥",
    0xF0B1: "±",
    0xF0B4: "×",
    0xF0B0: "°",
    0xF0AE: "→",
    0xF0E0: "→",
    0xF02D: "−",
}
"""Private-use codes of the fonts Symbol and Wingdings, which word processors write for bullets and signs."""

_MAX_POINTS = 2_000
_NUMBER = re.compile(r"-?\d{1,20}\.\d{1,20}(?:[eE][-+]?\d{1,2})?|-?\d{1,15}")


def parse_part(data: bytes) -> Any:
    """Return the tree of an XML part, or None if it is none."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def chart_block(data: bytes) -> Block | None:
    """Return the title and the data of a chart part as lines ``series: category: value``, or None if it has none."""
    tree = parse_part(data)
    if tree is None:
        return None
    title = _plain(tree.find(".//{*}chart/{*}title"))
    lines = [title] if title else []
    since_1904 = any(node.get("val", "1") in {"1", "true"} for node in tree.iterfind("{*}date1904"))
    for series in tree.iterfind(".//{*}ser"):
        name = _plain(series.find("{*}tx"))
        categories = _points(series.find("{*}cat"), series.find("{*}xVal"), since_1904=since_1904)
        values = _points(series.find("{*}val"), series.find("{*}yVal"), since_1904=since_1904)
        for index, value in values.items():
            parts = [part for part in (name, categories.get(index, ""), value) if part]
            lines.append(": ".join(parts))
    return Block(text="\n".join(lines)) if lines else None


def _plain(node: Any) -> str:
    """Return the text of a title or a name: typed (``a:t``) or cached from a cell (``c:v``)."""
    if node is None:
        return ""
    return " ".join("".join(part.text or "" for part in node.iter("{*}t", "{*}v")).split())


def _points(*nodes: Any, since_1904: bool) -> dict[str, str]:
    """Return the cached values of the first of ``nodes`` that there is, by index; of several levels the innermost."""
    for node in nodes:
        if node is not None:
            holder = next(iter(node.iter("{*}lvl")), node)
            numbers = next(node.iter("{*}numCache", "{*}numLit"), None)
            shared = "" if numbers is None else numbers.findtext("{*}formatCode", "")
            points: dict[str, str] = {}
            for point in holder.iter("{*}pt"):
                value = point.find("{*}v")
                if value is not None and len(points) < _MAX_POINTS:
                    words = " ".join((value.text or "").split())
                    if numbers is not None:
                        words = _shown(words, point.get("formatCode") or shared, since_1904)
                    points.setdefault(point.get("idx") or str(len(points)), words)
            return points
    return {}


def _shown(value: str, number_format: str, since_1904: bool) -> str:
    """Return a number as people write it, as a date if its format is one; what is no number stays as it is."""
    if not _NUMBER.fullmatch(value):
        return value
    date = date_text(float(value), since_1904=since_1904) if is_date_format(number_format) else None
    return date or number_text(float(value))


def diagram_block(data: bytes) -> Block | None:
    """Return the texts of a SmartArt's data part as a list, or None if it has none."""
    tree = parse_part(data)
    if tree is None:
        return None
    points = [point for point in tree.iterfind(".//{*}pt") if point.get("type", "node") in {"node", "asst"}]
    texts = [text for point in points if (text := " ".join(paragraphs(point)))]
    return Block(text="\n".join(f"- {text}" for text in texts)) if texts else None


def paragraphs(shape: Any) -> Iterator[str]:
    """Yield the paragraphs of a shape, each on one line."""
    for paragraph in shape.iter("{*}p"):
        words = ((node.text or "") if node.tag.endswith("}t") else " " for node in paragraph.iter("{*}t", "{*}br"))
        if text := " ".join("".join(words).split()):
            yield text
