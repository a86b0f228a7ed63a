"""Read EPUB: the chapters in the order of the spine, parsed as HTML."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from rag.errors import ReadError
from rag.ingest.archive import open_archive, read_member
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.dates import iso_date
from rag.ingest.encoding import utf8_markup
from rag.ingest.html.blocks import html_blocks
from rag.ingest.html.tree import parse_html
from rag.ingest.omissions import Tally

_OTHER_TYPES = re.compile(
    r"image/(?!svg)|audio/|video/|font/|text/css|application/(?:pdf|x-font|font|vnd\.ms-opentype)"
)
"""Media types that are no chapter. Others are read if their content is mark-up, whatever they are called."""

_CONTAINER = "META-INF/container.xml"
_OBFUSCATION = re.compile(r"obfuscation|#RC$", re.IGNORECASE)
"""Algorithms that only scramble fonts."""


def read_epub(data: bytes, name: str) -> ParsedDocument:
    """Read the EPUB file in ``data``; title and date come from its package document.

    A chapter that is encrypted, damaged or missing is counted, and the others are read.

    Raises:
        ReadError: the file is truncated, encrypted as a whole, a zip bomb, or not EPUB.
    """
    with open_archive(data, "EPUB") as archive:
        path = _package_path(archive)
        package = _parse_xml(read_member(archive, path))
        book = _Book(archive, package, posixpath.dirname(path))
        blocks = tuple(book.blocks())
    if not blocks and book.encrypted:
        raise ReadError("encrypted: its chapters are protected (DRM)")
    return ParsedDocument(
        blocks=blocks,
        media_type="application/epub+zip",
        title=_metadata_field(package, "title"),
        date=iso_date(_metadata_field(package, "date")),
        unit="chapter",
        parts=book.chapters,
        read=book.read,
        tally=book.tally,
    )


def _package_path(archive: ZipFile) -> str:
    """Return the path of the package document: the container's, else that of a file which looks like one."""
    names = archive.namelist()
    if _CONTAINER in names:
        container = _parse_xml(read_member(archive, _CONTAINER))
        for rootfile in container.iterfind(".//{*}rootfile"):
            path = rootfile.get("full-path") or ""
            for candidate in (path, unquote(path)):
                if candidate in names:
                    return candidate
    found = sorted((name for name in names if name.lower().endswith(".opf")), key=lambda name: name.count("/"))
    if not found:
        missing = "META-INF/container.xml is missing" if _CONTAINER not in names else "it names no package"
        raise ReadError(f"damaged: {missing}")
    return found[0]


class _Book:
    """The chapters of a book, and how many of them were read."""

    def __init__(self, archive: ZipFile, package: Any, directory: str) -> None:
        self._archive = archive
        self._package = package
        self._directory = directory
        self._names = {name: name for name in archive.namelist()} | {
            name.casefold(): name for name in reversed(archive.namelist())
        }
        self.encrypted = _encrypted_paths(archive)
        self.tally = Tally()
        self.chapters = 0
        self.read = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of the chapters of the spine, each file once."""
        items = {item.get("id"): item for item in self._package.iterfind(".//{*}manifest/{*}item")}
        references = [
            (node.get("idref"), (node.get("linear") or "").strip().lower() == "no")
            for node in self._package.iterfind(".//{*}spine/{*}itemref")
        ]
        seen: set[str] = set()
        for id_, auxiliary in references or [(id_, False) for id_ in items]:
            self.chapters += 1
            item = items.get(id_) if id_ in items else items.get((id_ or "").strip())
            if item is None:
                self.tally.add("missing parts", part=self.chapters, detail=f"{id_}, which the manifest lacks")
                continue
            href = item.get("href") or ""
            if auxiliary:  # outside the reading order, mostly footnotes
                self.tally.add("auxiliary chapters", part=self.chapters, detail=href)
                continue
            if "nav" in (item.get("properties") or "").split():
                self.tally.add("contents", part=self.chapters)
                continue
            path = self._find(href)
            if path is None:
                self.tally.add("missing parts", part=self.chapters, detail=href)
                continue
            if path in seen:
                self.chapters -= 1  # two anchors in one file
                continue
            seen.add(path)
            yield from self._chapter(path, (item.get("media-type") or "").strip().lower())

    def _chapter(self, path: str, media_type: str) -> Iterator[Block]:
        if path in self.encrypted:
            self.tally.add("encrypted parts", part=self.chapters, detail=path)
            return
        if _OTHER_TYPES.match(media_type):
            kind = "images" if media_type.startswith("image/") else "parts of other formats"
            self.tally.add(kind, part=self.chapters, detail=path)
            return
        try:
            data = read_member(self._archive, path)
            blocks = list(html_blocks(parse_html(data, self.tally)[1])) if _is_markup(data) else []
        except ReadError as error:
            self.tally.add("damaged parts", part=self.chapters, detail=f"{path}: {error}")
            return
        if blocks:
            self.read += 1
            yield from blocks
        elif data.strip() and not _is_markup(data):
            self.tally.add("parts of other formats", part=self.chapters, detail=path)
        else:
            pictures = len(re.findall(rb"<(?:img|image|svg:image)\b", data))
            self.tally.add("images" if pictures else "blank chapters", part=self.chapters, detail=path)

    def _find(self, href: str) -> str | None:
        """Return the name of the archive's file that ``href`` means: as it stands, unescaped, or in another case."""
        plain = href.strip().partition("#")[0].partition("?")[0]
        for candidate in (href.strip(), plain, unquote(plain)):
            path = posixpath.normpath(posixpath.join(self._directory, candidate.replace("\\", "/"))).lstrip("/")
            if found := self._names.get(path) or self._names.get(path.casefold()):
                return found
        return None


def _is_markup(data: bytes) -> bool:
    """Whether ``data`` begins as HTML or XML does, in an encoding with or without zeros between its letters."""
    return data.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n").startswith(b"<")


def _encrypted_paths(archive: ZipFile) -> set[str]:
    """Return the files that ``META-INF/encryption.xml`` calls encrypted; scrambled fonts do not count."""
    if "META-INF/encryption.xml" not in archive.namelist():
        return set()
    paths = set()
    try:
        tree = _parse_xml(read_member(archive, "META-INF/encryption.xml"))
    except ReadError:
        return set()
    for entry in tree.iter("{*}EncryptedData"):
        method = entry.find("{*}EncryptionMethod")
        algorithm = "" if method is None else method.get("Algorithm") or ""
        reference = next(entry.iter("{*}CipherReference"), None)
        if reference is not None and not _OBFUSCATION.search(algorithm):
            paths |= {reference.get("URI") or "", unquote(reference.get("URI") or "")}
    return {path.lstrip("/") for path in paths}


def _parse_xml(data: bytes) -> Any:
    from lxml import etree

    markup, _ = utf8_markup(data)
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    try:
        tree = etree.fromstring(markup.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"damaged: {error}") from None
    if tree is None:
        raise ReadError("damaged: its package is not XML")
    return tree


def _metadata_field(package: Any, name: str) -> str | None:
    """Return a Dublin Core element's text."""
    node = package.find(f".//{{http://purl.org/dc/elements/1.1/}}{name}")
    return " ".join("".join(node.itertext()).split()) or None if node is not None else None
