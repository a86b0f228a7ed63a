"""Count what is in the parts of a DOCX file that are not read: notes, comments, headers and footers."""

from __future__ import annotations

import re
from typing import Any

from rag.ingest.omissions import Tally

_LEFT_OUT = {
    "footnotes.xml": ("footnotes", "footnote"),
    "endnotes.xml": ("endnotes", "endnote"),
    "comments.xml": ("comments", "comment"),
}


def count_parts(package: Any, tally: Tally) -> None:
    """Count what is in the parts of ``package`` that are not read."""
    for part in package.iter_parts():
        name = str(part.partname).rsplit("/", 1)[-1].lower()
        if name in _LEFT_OUT:
            what, tag = _LEFT_OUT[name]
            blob = part.blob
            ids = re.findall(rb"<w:%s\b[^>]*?\bw:id=\"(-?\d+)\"[^>]*>" % tag.encode(), blob)
            types = re.findall(rb"<w:%s\b[^>]*?\bw:type=" % tag.encode(), blob)
            tally.add(what, count=len(ids) - len(types))
        elif re.match(r"(?:header|footer)\d*\.xml$", name):
            words = " ".join(re.findall(r"<w:t\b[^>]*>([^<]*)</w:t>", part.blob.decode("utf-8", "replace")))
            tally.add("page headers and footers", count=bool(words.strip()), detail=words)
