"""EPUB: the chapters in the order of its spine, through the path that HTML takes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from rag.errors import ReadError
from rag.ingest.archive import member, open_archive
from rag.ingest.blocks import Block, Reading
from rag.ingest.clean import iso_date
from rag.ingest.html.reader import parse
from rag.ingest.html.tree import walk

_CHAPTERS = frozenset({"application/xhtml+xml", "text/html"})


def read(data: bytes, name: str) -> Reading:
    """The EPUB in ``data``. Title and date are those of its package.

    Raises:
        ReadError: it is truncated, encrypted, a zip bomb, or not EPUB.
    """
    with open_archive(data, "EPUB") as archive:
        container = _xml(member(archive, "META-INF/container.xml"))
        rootfile = container.find(".//{*}rootfile")
        if rootfile is None or not rootfile.get("full-path"):
            raise ReadError("damaged: META-INF/container.xml names no package")
        place = unquote(rootfile.get("full-path"))
        package = _xml(member(archive, place))
        blocks = tuple(_chapters(archive, package, posixpath.dirname(place)))
    return Reading(
        blocks=blocks,
        media_type="application/epub+zip",
        title=_field(package, "title"),
        date=iso_date(_field(package, "date")),
    )


def _chapters(archive: ZipFile, package: Any, directory: str) -> Iterator[Block]:
    items = {item.get("id"): item for item in package.iterfind(".//{*}manifest/{*}item")}
    present = set(archive.namelist())
    for reference in package.iterfind(".//{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        # linear="no" is what a reader jumps to and back from: footnotes, mostly.
        if item is None or reference.get("linear") == "no" or item.get("media-type") not in _CHAPTERS:
            continue
        if "nav" in (item.get("properties") or "").split():
            continue
        place = posixpath.normpath(posixpath.join(directory, unquote(item.get("href") or "")))
        if place in present and (chapter := member(archive, place)).strip():
            _, tree = parse(chapter)
            yield from walk(tree)


def _xml(data: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    try:
        tree = etree.fromstring(data.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"damaged: {error}") from None
    if tree is None:
        raise ReadError("damaged: its package is not XML")
    return tree


def _field(package: Any, name: str) -> str | None:
    node = package.find(f".//{{http://purl.org/dc/elements/1.1/}}{name}")
    return " ".join("".join(node.itertext()).split()) or None if node is not None else None
