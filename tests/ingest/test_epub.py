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
