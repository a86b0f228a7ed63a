"""Parse HTML bytes into an lxml tree of bounded depth, without footnotes, hidden text and controls."""

from __future__ import annotations

from typing import Any

from rag.errors import ReadError
from rag.ingest.encoding import utf8_markup
from rag.ingest.html.footnotes import remove_footnotes
from rag.ingest.html.hidden import remove_controls, remove_hidden, unwrap_page
from rag.ingest.omissions import Tally

MAX_DEPTH = 200
"""Elements nested deeper than this are unwrapped, because trafilatura's functions recurse."""


def parse_html(data: bytes, tally: Tally | None = None) -> tuple[dict[str, str], Any]:
    """Return ``(metadata, tree)`` of an HTML page, without footnotes and hidden text, which ``tally`` counts.

    Raises:
        ReadError: ``data`` contains no HTML.
    """
    from lxml import etree, html

    markup, metadata = utf8_markup(data)
    try:
        tree = html.document_fromstring(markup, parser=html.HTMLParser(encoding="utf-8", huge_tree=False))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        raise ReadError("no HTML in it") from None
    _limit_depth(tree)
    tally = tally or Tally()
    unwrap_page(tree)
    remove_controls(tree, tally)
    remove_hidden(tree, tally)
    remove_footnotes(tree, tally)
    return metadata, tree


def _limit_depth(tree: Any) -> None:
    """Unwrap the elements below :data:`MAX_DEPTH`."""
    stack = [(tree, 0)]
    deep = []
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH and isinstance(node.tag, str):
            deep.append(node)
        stack.extend((child, depth + 1) for child in node)
    for node in reversed(deep):
        node.drop_tag()
