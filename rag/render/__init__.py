"""Render a brief as Markdown, HTML, JSON or plain text.

Text from documents and models is data, never markup: each format escapes it.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from rag.errors import UsageError
from rag.types import Brief

__all__ = ["Format", "format_of", "render"]

Format = Literal["md", "html", "json", "text"]

_SUFFIXES: dict[str, Format] = {
    ".md": "md",
    ".markdown": "md",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": "text",
}


def render(brief: Brief, format: Format) -> str:  # noqa: A002 (named like the option of the command line)
    """Return ``brief`` as the text of a file in ``format``, ending in a line break.

    ``rag.render.terminal.print_brief`` prints coloured text to a terminal.
    """
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
    """Return the format that the suffix of ``path`` names.

    Raises:
        UsageError: the suffix is unknown.
    """
    suffix = PurePath(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(f"{path}: unknown suffix {suffix or '(none)'}; use one of {', '.join(_SUFFIXES)}")
    return _SUFFIXES[suffix]
