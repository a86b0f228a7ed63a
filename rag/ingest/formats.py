"""The formats that are read: suffix → module of this package, and content type → suffix for URLs."""

from __future__ import annotations

FORMATS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html.reader",
    ".htm": "html.reader",
    ".xhtml": "html.reader",
    ".pdf": "pdf.reader",
    ".docx": "docx",
    ".pptx": "pptx",
    ".epub": "epub",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
}
"""Suffix in lower case → the module that reads it."""

NAMES = "md, txt, html, pdf, docx, pptx, epub, csv, jsonl"

CONTENT_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}
"""Content type → the suffix that a file of it would have."""


def suffix_of(name: str, content_type: str = "") -> str:
    """The suffix that decides who reads ``name``; a server's content type goes before the name."""
    kind = CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower(), "")
    dot = name.rsplit("/", 1)[-1].partition("?")[0].lower().rpartition(".")
    own = f".{dot[2]}" if dot[1] else ""
    # A server that says text/plain often only means that it does not know better.
    return own if own in FORMATS and kind in {"", ".txt"} else kind
