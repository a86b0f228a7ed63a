"""Read what is drawn in Office files: charts and SmartArt, which DOCX and PPTX keep in parts of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.ingest.blocks import Block

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
    for series in tree.iterfind(".//{*}ser"):
        name = _plain(series.find("{*}tx"))
        categories = _points(series.find("{*}cat"), series.find("{*}xVal"))
        values = _points(series.find("{*}val"), series.find("{*}yVal"))
        for index, value in values.items():
            parts = [part for part in (name, categories.get(index, ""), _short(value)) if part]
            lines.append(": ".join(parts))
    return Block(text="\n".join(lines)) if lines else None


def _plain(node: Any) -> str:
    """Return the text of a title or a name: typed (``a:t``) or cached from a cell (``c:v``)."""
    if node is None:
        return ""
    return " ".join("".join(part.text or "" for part in node.iter("{*}t", "{*}v")).split())


def _points(*nodes: Any) -> dict[str, str]:
    """Return the cached values of the first of ``nodes`` that there is, by index; of several levels the innermost."""
    for node in nodes:
        if node is not None:
            holder = next(iter(node.iter("{*}lvl")), node)
            points: dict[str, str] = {}
            for point in holder.iter("{*}pt"):
                value = point.find("{*}v")
                if value is not None and len(points) < _MAX_POINTS:
                    points.setdefault(point.get("idx") or str(len(points)), " ".join((value.text or "").split()))
            return points
    return {}


def _short(value: str) -> str:
    """Return a number without the digits that binary fractions add: 0.30000000000000004 is 0.3."""
    if not re.fullmatch(r"-?\d*\.\d{7,}(?:[eE][-+]?\d+)?", value):
        return value
    return f"{float(value):.12g}"


def diagram_block(data: bytes) -> Block | None:
    """Return the texts of a SmartArt's data part as a list, or None if it has none."""
    tree = parse_part(data)
    if tree is None:
        return None
    points = [point for point in tree.iterfind(".//{*}pt") if point.get("type", "node") in {"node", "asst"}]
    texts = [text for point in points if (text := " ".join(_paragraphs(point)))]
    return Block(text="\n".join(f"- {text}" for text in texts)) if texts else None


def _paragraphs(point: Any) -> Iterator[str]:
    for paragraph in point.iter("{*}p"):
        if text := " ".join("".join(node.text or "" for node in paragraph.iter("{*}t")).split()):
            yield text
