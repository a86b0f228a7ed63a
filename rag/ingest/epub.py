"""Read EPUB: the chapters in the order of the spine, parsed as HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from rag.errors import ReadError
from rag.ingest.archive import open_archive, read_member
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.dates import iso_date
from rag.ingest.html.blocks import html_blocks
from rag.ingest.html.tree import parse_html

_CHAPTER_TYPES = frozenset({"application/xhtml+xml", "text/html"})


def read_epub(data: bytes, name: str) -> ParsedDocument:
    """Read the EPUB file in ``data``; title and date come from its package document.

    Raises:
        ReadError: the file is truncated, encrypted, a zip bomb, or not EPUB.
    """
    with open_archive(data, "EPUB") as archive:
        container = _parse_xml(read_member(archive, "META-INF/container.xml"))
        rootfile = container.find(".//{*}rootfile")
        if rootfile is None or not rootfile.get("full-path"):
            raise ReadError("damaged: META-INF/container.xml names no package")
        path = unquote(rootfile.get("full-path"))
        package = _parse_xml(read_member(archive, path))
        blocks = tuple(_chapter_blocks(archive, package, posixpath.dirname(path)))
    return ParsedDocument(
        blocks=blocks,
        media_type="application/epub+zip",
        title=_metadata_field(package, "title"),
        date=iso_date(_metadata_field(package, "date")),
    )


def _chapter_blocks(archive: ZipFile, package: Any, directory: str) -> Iterator[Block]:
    items = {item.get("id"): item for item in package.iterfind(".//{*}manifest/{*}item")}
    members = set(archive.namelist())
    for reference in package.iterfind(".//{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        # linear="no" marks auxiliary content outside the reading order, mostly footnotes.
        if item is None or reference.get("linear") == "no" or item.get("media-type") not in _CHAPTER_TYPES:
            continue
        if "nav" in (item.get("properties") or "").split():
            continue
        path = posixpath.normpath(posixpath.join(directory, unquote(item.get("href") or "")))
        if path in members and (chapter := read_member(archive, path)).strip():
            _, tree = parse_html(chapter)
            yield from html_blocks(tree)


def _parse_xml(data: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    try:
        tree = etree.fromstring(data.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"damaged: {error}") from None
    if tree is None:
        raise ReadError("damaged: its package is not XML")
    return tree


def _metadata_field(package: Any, name: str) -> str | None:
    """Return a Dublin Core element's text."""
    node = package.find(f".//{{http://purl.org/dc/elements/1.1/}}{name}")
    return " ".join("".join(node.itertext()).split()) or None if node is not None else None
