"""Build the PDFs and DOCXs of the corpus from their Markdown sources.

    python corpus/sources/build.py            # writes corpus/<name>.pdf and corpus/<name>.docx
    python corpus/sources/build.py --check    # exit 1 if a built file is missing or not what its source gives

``<name>.pdf.md`` becomes ``<name>.pdf``, ``<name>.docx.md`` becomes ``<name>.docx``. A source has a front
matter with ``title`` and ``date``, a ``# Title``, ``## headings``, paragraphs and ``- `` bullets. The same
source gives the same bytes: no clock, no random ids.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rag.ingest.blocks import Block
from rag.ingest.markdown import markdown_blocks, split_front_matter

SOURCES = Path(__file__).parent
_FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class Article:
    """A source: its title, its date and its blocks without the title."""

    def __init__(self, path: Path) -> None:
        front, text = split_front_matter(path.read_text(encoding="utf-8"))
        try:
            self.title, self.date = front["title"], datetime.fromisoformat(front["date"]).replace(tzinfo=UTC)
        except (KeyError, ValueError) as error:
            sys.exit(f"{path}: its front matter needs a title and a date (YYYY-MM-DD): {error}")
        self.blocks = [block for block in markdown_blocks(text) if block.level != 1]

    def parts(self) -> Iterator[tuple[str, str]]:
        """``(kind, text)``, kind one of heading, paragraph, bullet."""
        for block in self.blocks:
            if block.level:
                yield "heading", block.text
            else:
                yield from _lines(block)


def _lines(block: Block) -> Iterator[tuple[str, str]]:
    lines = block.text.split("\n")
    if all(line.startswith("- ") for line in lines):
        yield from (("bullet", line[2:]) for line in lines)
    else:
        yield "paragraph", " ".join(lines)


def pdf(article: Article) -> bytes:
    """``article`` on A4: running head, page numbers, an outline, and the file's own title and date."""
    from reportlab import rl_config
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph

    rl_config.invariant = 1
    os.environ["SOURCE_DATE_EPOCH"] = str(int(article.date.timestamp()))  # reportlab's only clock, then
    width, height = A4
    body = ParagraphStyle("body", fontName="Times-Roman", fontSize=11.5, leading=16.5, spaceAfter=7, alignment=4)
    styles = {
        "title": ParagraphStyle(
            "title", body, fontName="Times-Bold", fontSize=19, leading=24, spaceAfter=6, alignment=0
        ),
        "date": ParagraphStyle("date", body, spaceAfter=14, alignment=0),
        "heading": ParagraphStyle(
            "heading", body, fontName="Times-Bold", fontSize=14, leading=18, spaceBefore=10, alignment=0, keepWithNext=1
        ),
        "paragraph": body,
        "bullet": ParagraphStyle("bullet", body, leftIndent=14, bulletIndent=2, spaceAfter=3, alignment=0),
    }

    class Book(BaseDocTemplate):
        def afterFlowable(self, flowable: Any) -> None:  # noqa: N802 — reportlab's name
            if flowable.__class__ is Paragraph and flowable.style.name == "heading":
                key = f"h{self.seq.next('heading')}"
                self.canv.bookmarkHorizontal(key, 0, self.frame._y + flowable.height)
                self.canv.addOutlineEntry(flowable.getPlainText(), key, level=0)

    def furniture(canvas: Any, _book: Any) -> None:
        canvas.saveState()
        canvas.setFont("Times-Italic", 9)
        canvas.drawString(25 * mm, height - 16 * mm, article.title)
        canvas.setFont("Times-Roman", 9)
        canvas.drawCentredString(width / 2, 13 * mm, str(canvas.getPageNumber()))
        canvas.restoreState()

    try:
        "".join(text for _, text in article.parts()).encode("cp1252")
    except UnicodeEncodeError as error:
        sys.exit(f"{article.title}: the PDF's fonts have no {error.object[error.start : error.end]!r}")
    written = io.BytesIO()
    book = Book(written, pagesize=A4, title=article.title, author="citebrief", subject=f"{article.date:%Y-%m-%d}")
    frame = Frame(25 * mm, 24 * mm, width - 50 * mm, height - 50 * mm, id="body")
    book.addPageTemplates(PageTemplate(id="page", frames=[frame], onPage=furniture))
    story = [
        Paragraph(escape(article.title), styles["title"]),
        Paragraph(f"Date: {article.date:%Y-%m-%d}", styles["date"]),
        *(
            Paragraph(escape(text), styles[kind], bulletText="•" if kind == "bullet" else None)
            for kind, text in article.parts()
        ),
    ]
    book.build(story)
    return written.getvalue()


def docx(article: Article) -> bytes:
    """``article`` as DOCX, with Word's own heading and list styles."""
    from docx import Document

    document = Document()
    facts = document.core_properties
    facts.title, facts.author, facts.last_modified_by, facts.revision = article.title, "citebrief", "citebrief", 1
    facts.created = facts.modified = article.date.replace(tzinfo=None)
    facts.comments = ""
    styles = {"heading": "Heading 1", "paragraph": "Normal", "bullet": "List Bullet"}
    document.add_paragraph(article.title, style="Title")
    document.add_paragraph(f"Date: {article.date:%Y-%m-%d}")
    for kind, text in article.parts():
        document.add_paragraph(text, style=styles[kind])
    written = io.BytesIO()
    document.save(written)
    return _without_clock(written.getvalue())


def _without_clock(archive: bytes) -> bytes:
    """The same zip archive, every entry dated 1 January 1980."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            new.writestr(zipfile.ZipInfo(entry, _FIRST_ZIP_DATE), old.read(entry), zipfile.ZIP_DEFLATED)
    return written.getvalue()


def main() -> int:
    """Build, or check, every source; 0 if all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a built file is out of date")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="folder of the sources (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="folder for the built files (default: the sources' parent)")
    options = parser.parse_args()
    out = options.out or options.sources.parent
    stale = 0
    for make, suffix in ((pdf, ".pdf"), (docx, ".docx")):
        for source in sorted(options.sources.glob(f"*{suffix}.md")):
            target, built = out / source.name.removesuffix(".md"), make(Article(source))
            if options.check:
                if not target.exists() or target.read_bytes() != built:
                    print(f"{target} is not what {source.name} gives; run {Path(__file__).name}", file=sys.stderr)
                    stale = 1
            else:
                target.write_bytes(built)
                print(target)
    return stale


if __name__ == "__main__":
    sys.exit(main())
