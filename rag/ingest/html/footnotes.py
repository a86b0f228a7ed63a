"""Remove footnotes from an lxml HTML tree and mark redactions in it."""

from __future__ import annotations

import re
from typing import Any

from rag.ingest.clean import REDACTED
from rag.ingest.omissions import Tally

_FOOTNOTE_CLASS = re.compile(r"\b(?:footnotes?|endnotes?|footnote-(?:text|ref|mark)|noteref|fn)\b", re.IGNORECASE)
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = re.compile(r"(?:\d|(?<![^\W\d_])(?:[kcmdµn]?m|ft|in|mi|yd|s|R|r|x|χ|CO|CH))$")


def remove_footnotes(root: Any, tally: Tally | None = None) -> None:
    """Remove footnote marks and footnote texts below ``root``; replace redacted elements by :data:`REDACTED`.

    Superscripts that are not footnote marks stay: digits after a digit or a unit as ``²``, others unchanged.
    """
    for node in list(root.iter("sup", "a", "aside", "section", "div", "ol", "ul", "li", "span")):
        if node.getparent() is None:
            continue
        names = " ".join((node.get("class") or "", node.get("role") or "", *_epub_types(node)))
        if node.tag == "sup" and "reference" in names.split():  # MediaWiki: "[1]" and the page after it, ": 207"
            _replace_by_text(node, "")
        elif node.tag == "sup":
            _convert_superscript(node)
        elif re.search(r"\bredact", names, re.IGNORECASE):
            _replace_by_text(node, f" {REDACTED} ")
        elif _FOOTNOTE_CLASS.search(names.replace("doc-", " ")) or _is_footnote_link(node):
            if tally is not None and node.tag != "a":
                tally.add("footnotes")
            node.drop_tree()


def _epub_types(node: Any) -> list[str]:
    return [str(value) for name, value in node.attrib.items() if str(name).endswith("type")]


def _is_footnote_link(node: Any) -> bool:
    """Whether ``node`` links to a footnote (``<a href="#fn1">[1]</a>``) or back from it (an arrow)."""
    target = node.get("href") or ""
    text = "".join(node.itertext()).strip()
    if node.tag != "a" or not target.startswith("#"):
        return False
    return bool(
        re.fullmatch(r"\[?\(?(?:\d{1,4}|[*†‡§a-z])\)?\]?", text) and re.match(r"#_?(?:fn|ftn|note|cite|en\d)", target)
    ) or (text in {"↩", "↩︎", "↑", "^"})


def _convert_superscript(node: Any) -> None:
    """Remove a ``<sup>`` that is a footnote mark; turn an exponent into superscript digits."""
    text = "".join(node.itertext()).strip()
    is_mark = bool(re.fullmatch(r"[\[(]?(?:\d{1,4}(?:[,–-]\s?\d{1,4})*|[*†‡§]+|[a-z])[\])]?", text))
    if not is_mark:
        return
    previous = node.getprevious()
    before = (previous.tail if previous is not None else node.getparent().text) or ""
    if text.isdigit() and _UNITS.search(before) and node.find(".//a") is None:
        _replace_by_text(node, text.translate(_SUPERSCRIPTS))
    else:
        _replace_by_text(node, "")


def _replace_by_text(node: Any, text: str) -> None:
    """Replace ``node`` by ``text`` and keep the text after it."""
    node.tail = text + (node.tail or "")
    for child in list(node):
        node.remove(child)
    node.text = None
    node.drop_tree()
