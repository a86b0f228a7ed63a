"""The registry of formats: file suffix → reader, and content type → suffix for URLs.

To add a format, write a module with a function of type :class:`Reader`, a wrapper here that imports it on first use
(the parsers are slow to import), and an entry in :data:`READERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rag.ingest.blocks import ParsedDocument
    from rag.ingest.rows import ParsedRows


class Reader(Protocol):
    """A function that reads one file format."""

    def __call__(self, data: bytes, name: str) -> ParsedDocument | ParsedRows:
        """Read one file.

        Args:
            data: the bytes of the file, at least one.
            name: the source's id, from which a title or the ids of rows are made if the file has none.

        Returns:
            One document, or the rows of a file whose rows are documents.

        Raises:
            ReadError: the file is damaged, encrypted or of another format; the message is the reason to skip it.
        """
        ...


def _read_markdown(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.markdown import read_markdown

    return read_markdown(data, name)


def _read_text(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.text import read_text

    return read_text(data, name)


def _read_rst(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.rst.reader import read_rst

    return read_rst(data, name)


def _read_html(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.html.reader import read_html

    return read_html(data, name)


def _read_pdf(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.pdf.reader import read_pdf

    return read_pdf(data, name)


def _read_docx(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.docx import read_docx

    return read_docx(data, name)


def _read_pptx(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.pptx import read_pptx

    return read_pptx(data, name)


def _read_epub(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.epub import read_epub

    return read_epub(data, name)


def _read_csv(data: bytes, name: str) -> ParsedDocument | ParsedRows:
    from rag.ingest.csv import read_csv

    return read_csv(data, name)


def _read_spreadsheet(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.spreadsheet import read_spreadsheet

    return read_spreadsheet(data, name)


def _read_jsonl(data: bytes, name: str) -> ParsedRows:
    from rag.ingest.jsonl import read_jsonl

    return read_jsonl(data, name)


def _read_mail(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.mail import read_mail

    return read_mail(data, name)


def _read_notebook(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.notebook import read_notebook

    return read_notebook(data, name)


def _read_odt(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.odt import read_odt

    return read_odt(data, name)


def _read_rtf(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.rtf import read_rtf

    return read_rtf(data, name)


def _read_subtitles(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.subtitles import read_subtitles

    return read_subtitles(data, name)


READERS: dict[str, Reader] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".text": _read_text,
    ".rst": _read_rst,
    ".rest": _read_rst,
    ".html": _read_html,
    ".htm": _read_html,
    ".xhtml": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
    ".pptx": _read_pptx,
    ".epub": _read_epub,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".xlsx": _read_spreadsheet,
    ".xlsm": _read_spreadsheet,
    ".xlsb": _read_spreadsheet,
    ".xls": _read_spreadsheet,
    ".ods": _read_spreadsheet,
    ".odt": _read_odt,
    ".rtf": _read_rtf,
    ".eml": _read_mail,
    ".ipynb": _read_notebook,
    ".vtt": _read_subtitles,
    ".srt": _read_subtitles,
}
"""Lower-case suffix → reader."""

FORMAT_NAMES = ", ".join(suffix.removeprefix(".") for suffix in READERS)
"""The formats as error messages list them."""

_SUFFIX_OF_CONTENT_TYPE = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/x-rst": ".rst",
    "text/prs.fallenstein.rst": ".rst",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    "message/rfc822": ".eml",
    "application/x-ipynb+json": ".ipynb",
    "text/vtt": ".vtt",
    "application/x-subrip": ".srt",
}
_ARCHIVES = {"word/": ".docx", "ppt/": ".pptx", "xl/": ".xlsx", "META-INF/container.xml": ".epub"}


def suffix_of(name: str, content_type: str = "") -> str:
    """Return the suffix that selects the reader of ``name``, a path, or "" if there is none.

    The content type that a server sent takes precedence over the name, except for ``text/plain``, which servers often
    send for any type that they do not know.
    """
    by_type = _SUFFIX_OF_CONTENT_TYPE.get(content_type.partition(";")[0].strip().lower(), "")
    _, dot, extension = name.rsplit("/", 1)[-1].lower().rpartition(".")
    by_name = f".{extension}" if dot else ""
    return by_name if by_name in READERS and by_type in {"", ".txt"} else by_type


def suffix_of_bytes(data: bytes) -> str:
    """Return the suffix of the format that the first bytes tell (PDF, HTML, an archive), or ""."""
    import io
    import zipfile

    if b"%PDF-" in data[:1024]:
        return ".pdf"
    if data.startswith(b"{\\rtf"):
        return ".rtf"
    if data.startswith(b"WEBVTT"):
        return ".vtt"
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError, OSError):
            return ""
        return next((suffix for start, suffix in _ARCHIVES.items() if any(n.startswith(start) for n in names)), "")
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return ".html" if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) else ""
