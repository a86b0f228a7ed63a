"""HTML: trafilatura says which text is the article, the page's own tree says how it is built.

trafilatura alone loses most headings on some pages (all of a 900 kB report typeset by TeX4ht), so
its output only chooses among the blocks of the page: navigation and boilerplate go, headings stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.errors import ReadError
from rag.ingest.blocks import Block, Reading
from rag.ingest.clean import iso_date, key
from rag.ingest.encoding import decode
from rag.ingest.html.tree import drop_notes, walk

_CHARSET = re.compile(
    rb"<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,100}?encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE
)
MAX_DEPTH = 200
"""Elements nested deeper than this are lifted up before trafilatura, whose functions recurse."""


def read(data: bytes, name: str) -> Reading:
    """The article in ``data``. Title and date come from what the page says of itself.

    Where trafilatura finds no article, or less than a fifth of what stands in paragraphs, the whole
    visible text is taken.

    Raises:
        ReadError: there is no HTML in it.
    """
    metadata, tree = parse(data)
    article, title, date = _article(tree)
    blocks = tuple(walk(tree))
    chosen = tuple(_choose(blocks, key(article)))
    running = sum(len(block.text) for block in blocks if block.level == 0 and len(block.text) > 80)
    if sum(len(block.text) for block in chosen) < running / 5:
        chosen = blocks
    return Reading(
        blocks=chosen,
        media_type="text/html",
        title=title or _first(tree, ".//title") or _first(tree, ".//h1"),
        date=iso_date(date),
        metadata=metadata,
    )


def _choose(blocks: tuple[Block, ...], article: str) -> Iterator[Block]:
    """The blocks whose words are in ``article``, and the headings that stand over one of them."""
    headings: list[Block] = []
    for block in blocks:
        if block.level:
            # A heading over a heading of its own rank or higher has nothing under it.
            headings = [open_ for open_ in headings if open_.level < block.level] + [block]
        elif (words := key(block.text)) and words[:60] in article and words[-60:] in article:
            yield from headings
            headings = []
            yield block


def parse(data: bytes) -> tuple[dict[str, str], Any]:
    """``(metadata, tree)`` of an HTML page, footnotes out, nesting bounded. Raises ReadError where there is none."""
    from lxml import etree, html

    declared = _CHARSET.search(data[:4096])
    text, metadata = decode(data, declared.group(1).decode("ascii") if declared else None)
    try:
        # Encoded again, because lxml refuses a str that declares an encoding of its own.
        tree = html.document_fromstring(
            text.encode("utf-8", "replace"), parser=html.HTMLParser(encoding="utf-8", huge_tree=False)
        )
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        raise ReadError("no HTML in it") from None
    _flatten(tree)
    drop_notes(tree)
    return metadata, tree


def _flatten(tree: Any) -> None:
    """Unwrap the elements below :data:`MAX_DEPTH`, so that no later step recurses without bound."""
    stack = [(tree, 0)]
    deep = []
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH and isinstance(node.tag, str):
            deep.append(node)
        stack.extend((child, depth + 1) for child in node)
    for node in reversed(deep):
        node.drop_tag()


def _article(tree: Any) -> tuple[str, str | None, str | None]:
    """``(text, title, date)`` as trafilatura finds them."""
    from copy import deepcopy

    from trafilatura import bare_extraction

    try:
        found = bare_extraction(
            deepcopy(tree),  # it prunes the tree that it is given
            include_comments=False,
            include_tables=True,
            with_metadata=True,
            date_extraction_params={"extensive_search": False, "original_date": True},  # no guesses from the text
        )
    except (RecursionError, ValueError, TypeError, AttributeError, KeyError):
        return "", None, None  # a page that it chokes on is read whole
    if found is None or isinstance(found, dict):
        return "", None, None
    return found.text or "", found.title, found.date


def _first(tree: Any, path: str) -> str | None:
    node = tree.find(path)
    return " ".join("".join(node.itertext()).split()) if node is not None else None
