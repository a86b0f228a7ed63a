"""Brief → Markdown, HTML, JSON or plain text; to a terminal it goes through ``rag/render/terminal.py``.

Text from documents and models is data here, never markup: each format escapes it its own way, and the
tests feed all of them hostile titles, passages and sentences.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from rag.errors import UsageError
from rag.types import Brief

Format = Literal["md", "html", "json", "text"]

_SUFFIXES: dict[str, Format] = {
    ".md": "md",
    ".markdown": "md",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": "text",
}


def render(brief: Brief, format: Format) -> str:  # noqa: A002 (the word that the command line has for it)
    """``brief`` as a whole file in ``format``, ending in a line break."""
    match format:
        case "md":
            from rag.render.markdown import to_markdown

            return to_markdown(brief)
        case "html":
            from rag.render.html import to_html

            return to_html(brief)
        case "json":
            from rag.render.json import to_json

            return to_json(brief)
        case "text":
            from rag.render.terminal import to_text

            return to_text(brief)


def format_of(path: str | PurePath) -> Format:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: the suffix is none of those known.
    """
    suffix = PurePath(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(f"{path}: unknown suffix {suffix or '(none)'}; use one of {', '.join(_SUFFIXES)}")
    return _SUFFIXES[suffix]
