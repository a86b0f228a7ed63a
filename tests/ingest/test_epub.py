"""EPUB files, intact and damaged."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from rag.types import Document

PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Book</dc:title>
<dc:date>2019-06-23</dc:date></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="endnotes" href="endnotes.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/>
<itemref idref="endnotes" linear="no"/></spine></package>"""


def write_epub(path: Path, chapters: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="O/c.opf"/></rootfiles></container>'
        )
        book.writestr("O/c.opf", PACKAGE)
        for name, content in chapters.items():
            book.writestr(f"O/{name}.xhtml", content)


def test_chapters_follow_the_spine_without_navigation_and_endnotes(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><body><h1>{}</h1><p>{}<a href='#fn1'>1</a></p></body></html>"
    chapters = {
        "two b": chapter.format("Two", "Second text.").encode(),
        "one": chapter.format("One", "First text.").encode(),
        "nav": chapter.format("Contents", "One, Two").encode(),
        "endnotes": chapter.format("Notes", "A note.").encode(),
    }
    write_epub(tmp_path / "b.epub", chapters)
    document = read_document("b.epub")
    assert (document.title, document.date) == ("A Book", "2019-06-23")
    assert document.text == "One\n\nFirst text.\n\nTwo\n\nSecond text."


def test_zip_bomb_is_refused(tmp_path: Path, skip_reason: Callable[..., str]) -> None:
    write_epub(tmp_path / "bomb.epub", {"one": b" " * 20_000_000})
    assert (tmp_path / "bomb.epub").stat().st_size < 100_000
    assert "refused as a zip bomb" in skip_reason("bomb.epub")


def test_epub_without_a_container_is_reported(tmp_path: Path, skip_reason: Callable[..., str]) -> None:
    with zipfile.ZipFile(tmp_path / "x.epub", "w") as book:
        book.writestr("mimetype", "application/epub+zip")
    assert "damaged: META-INF/container.xml is missing" in skip_reason("x.epub")


def write_book(path: Path, manifest: str, spine: str, files: dict[str, str]) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            "<container><rootfiles><rootfile full-path='OPS/book.opf'/></rootfiles></container>",
        )
        archive.writestr(
            "OPS/book.opf",
            "<package xmlns='http://www.idpf.org/2007/opf'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>"
            f"<dc:title>Odd book</dc:title></metadata><manifest>{manifest}</manifest><spine>{spine}</spine></package>",
        )
        for name, content in files.items():
            archive.writestr(name, content)


def test_chapters_with_odd_labels_and_links_are_read_and_missing_ones_named(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    hrefs = ["one%20a.xhtml", "Two.HTM#top", "three.html?x=1", "four.xml", "gone.xhtml", "cover.png"]
    types = ["TEXT/XML", "application/xhtml+xml; charset=utf-8", "text/x-oeb1-document", "", "text/html", "image/png"]
    manifest = "".join(
        f"<item id='c{n}' href='{href}' media-type='{kind}'/>"
        for n, (href, kind) in enumerate(zip(hrefs, types, strict=True))
    )
    spine = "".join(f"<itemref idref='c{n}'/>" for n in [*range(6), 9])
    names = ["one a.xhtml", "two.htm", "three.html", "four.xml"]
    files = {f"OPS/{name}": f"<html><body><p>Read from {name}.</p></body></html>" for name in names}
    write_book(tmp_path / "o.epub", manifest, spine, {**files, "OPS/cover.png": "png"})
    document = read_document("o.epub")
    assert document.text == "\n\n".join(f"Read from {name}." for name in names)
    assert (document.coverage.unit, document.coverage.total, document.coverage.read) == ("chapter", 7, 4)
    missing = next(item for item in document.coverage.omissions if item.what == "missing parts")
    assert missing.parts == (5, 7)
    assert "gone.xhtml" in missing.detail


def test_encrypted_chapters_are_named(
    tmp_path: Path, read_document: Callable[..., Document], skip_reason: Callable[..., str]
) -> None:
    manifest = "".join(f"<item id='c{n}' href='{n}.xhtml' media-type='application/xhtml+xml'/>" for n in (1, 2))
    spine = "<itemref idref='c1'/><itemref idref='c2'/>"
    chapters = {"OPS/1.xhtml": "<p>Open to all.</p>", "OPS/2.xhtml": "\x01\x02\x03"}

    def encryption(*names: str) -> dict[str, str]:
        entries = "".join(
            "<EncryptedData><EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#aes256-cbc'/>"
            f"<CipherData><CipherReference URI='OPS/{name}'/></CipherData></EncryptedData>"
            for name in names
        )
        return {"META-INF/encryption.xml": f"<encryption>{entries}</encryption>"}

    write_book(tmp_path / "half.epub", manifest, spine, {**chapters, **encryption("2.xhtml")})
    document = read_document("half.epub")
    assert document.text == "Open to all."
    assert [(item.what, item.parts, item.lost) for item in document.coverage.omissions] == [
        ("encrypted parts", (2,), True)
    ]
    write_book(tmp_path / "all.epub", manifest, spine, {**chapters, **encryption("1.xhtml", "2.xhtml")})
    assert "DRM" in skip_reason("all.epub")


def test_references_to_halves_of_characters_cost_no_book(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    manifest = '<item id="a" href="a.xhtml" media-type="application/xhtml+xml" properties="x&#xD800;"/>'
    files = {"OPS/a.xhtml": "<p>The lock&#x1C; opens<sup>1</sup> at seven.</p>"}
    write_book(tmp_path / "b.epub", manifest, '<itemref idref="a"/>', files)
    assert read_document("b.epub").text == "The lock opens at seven."
