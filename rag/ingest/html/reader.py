"""Read HTML: trafilatura selects the article's text, the page's own tree gives its structure.

trafilatura alone loses most headings on some pages (all those of a 900 kB report typeset by TeX4ht). Its output
therefore only selects among the page's blocks (:mod:`rag.ingest.html.selection`), so that navigation and boilerplate go
and headings stay.
"""

from __future__ import annotations

import re
from typing import Any

from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.clean import match_key
from rag.ingest.dates import iso_date
from rag.ingest.encoding import decode
from rag.ingest.front_matter import other_fields, split_front_matter
from rag.ingest.header import date_of_fields, title_of_fields
from rag.ingest.html.blocks import placed_blocks
from rag.ingest.html.selection import select_blocks
from rag.ingest.html.tree import parse_html
from rag.ingest.omissions import Tally

_TITLE_PARTS = re.compile(r"\s[|·»–—:-]+\s")  # "Signals — The Handbook", "The Handbook | Signals"


def read_html(data: bytes, name: str) -> ParsedDocument:
    """Read the article of the page in ``data``; title and date come from its front matter or metadata.

    All visible text is used where trafilatura finds no article, or less than a fifth of the text in paragraphs.

    Raises:
        ReadError: ``data`` contains no HTML.
    """
    tally = Tally()
    front, data = _split_front_matter(data)
    metadata, tree = parse_html(data, tally)
    article, title, date = _extract_article(tree)
    placed = tuple(placed_blocks(tree))
    kept = select_blocks(placed, article)
    selected = [each.block for each, keep in zip(placed, kept, strict=True) if keep]
    left_out = [each.block for each, keep in zip(placed, kept, strict=True) if not (keep or each.block.level)]
    tally.add("navigation and boilerplate", count=len(left_out), detail=left_out[0].text if left_out else "")
    tally.add("images", count=sum(1 for _ in tree.iter("img")))
    header = [Block(text=others)] if (others := other_fields(front, tally)) else []
    return ParsedDocument(
        blocks=(*header, *selected),
        media_type="text/html",
        title=title_of_fields(front, name) or _find_title(tree, title),
        date=date_of_fields(front) or iso_date(date),
        metadata=metadata,
        tally=tally,
    )


def _split_front_matter(data: bytes) -> tuple[dict[str, str], bytes]:
    """Return the fields before a page that a site generator fills in (Jekyll, Hugo), and the page."""
    if not data.removeprefix(b"\xef\xbb\xbf").startswith((b"---", b"+++")):
        return {}, data
    text, _ = decode(data)
    front, page = split_front_matter(text.replace("\r\n", "\n"))
    return (front, page.encode()) if front else ({}, data)


def _find_title(tree: Any, found: str | None) -> str | None:
    """Return the title that trafilatura found, else the page's; without the site's name where a heading shows it."""
    title = found or _first_text(tree, ".//title") or ""
    headings = [text for node in tree.iter("h1", "h2") if (text := " ".join("".join(node.itertext()).split()))]
    parts = {match_key(part) for part in _TITLE_PARTS.split(title)} - {""}
    if len(parts) > 1 and (own := next((text for text in headings[:3] if match_key(text) in parts), None)):
        return own
    return title or _first_text(tree, ".//h1")


def _extract_article(tree: Any) -> tuple[str, str | None, str | None]:
    """Return ``(text, title, date)`` as trafilatura finds them; an empty text if it fails or finds no article."""
    from copy import deepcopy

    from trafilatura import bare_extraction

    try:
        found = bare_extraction(
            deepcopy(tree),  # bare_extraction prunes the tree
            include_comments=False,
            include_tables=True,
            with_metadata=True,
            date_extraction_params={"extensive_search": False, "original_date": True},  # no dates guessed from the text
        )
    except (RecursionError, ValueError, TypeError, AttributeError, KeyError):
        return "", None, None
    if found is None or isinstance(found, dict):
        return "", None, None
    return found.text or "", found.title, found.date


def _first_text(tree: Any, path: str) -> str | None:
    node = tree.find(path)
    return " ".join("".join(node.itertext()).split()) if node is not None else None
