"""Read the text boxes that are drawn on the sheets of an XLSX file, which calamine does not read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from rag.errors import ReadError
from rag.ingest.archive import read_member
from rag.ingest.drawing import paragraphs, parse_part
from rag.ingest.omissions import Tally

_WORKBOOK = "xl/workbook.xml"
_DRAWINGS = "xl/drawings/drawing"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def text_boxes(archive: ZipFile, tally: Tally) -> dict[str, list[str]]:
    """Return the paragraphs of the text boxes of each sheet by its name.

    Those of an XLSB file, which does not say in XML what is on which sheet, are counted.
    """
    workbook = _tree(archive, _WORKBOOK)
    if workbook is None:
        for name in archive.namelist():
            for words in _paragraphs(archive, name) if name.startswith(_DRAWINGS) else ():
                tally.add("text boxes", detail=words)
        return {}
    parts = dict(_related(archive, _WORKBOOK))
    boxes: dict[str, list[str]] = {}
    for sheet in workbook.iter("{*}sheet"):
        drawings = [target for _, target in _related(archive, parts.get(sheet.get(_ID), "")) if _DRAWINGS in target]
        boxes[sheet.get("name", "")] = [words for drawing in drawings for words in _paragraphs(archive, drawing)]
    return boxes


def _tree(archive: ZipFile, name: str) -> Any:
    """Return the tree of a part, or None if it is missing or damaged."""
    try:
        return parse_part(read_member(archive, name))
    except ReadError:
        return None


def _related(archive: ZipFile, name: str) -> Iterator[tuple[str, str]]:
    """Yield the id and the name of each part that the part ``name`` refers to."""
    directory, base = posixpath.split(name)
    links = _tree(archive, f"{directory}/_rels/{base}.rels")
    for link in () if links is None else links.iter("{*}Relationship"):
        target = posixpath.normpath(posixpath.join("/", directory, link.get("Target", "")))
        yield link.get("Id", ""), target.lstrip("/")


def _paragraphs(archive: ZipFile, drawing: str) -> Iterator[str]:
    """Yield the paragraphs in the shapes of a drawing, without what is drawn for older programs only."""
    tree = _tree(archive, drawing)
    for body in () if tree is None else tree.iter("{*}txBody"):
        if next(body.iterancestors("{*}Fallback"), None) is None:
            yield from paragraphs(body)
