"""The characters of a query in the forms that documents mostly have: marks, widths and capitals."""

from __future__ import annotations

import re
import unicodedata

_QUOTES = {ord(mark): '"' for mark in "“”„‟«»‹›「」『』〝〞″"} | {ord(mark): "'" for mark in "‘’‚‛′"}
_DASHES = {ord(mark): "-" for mark in "‐‑‒–—―−﹘﹣"}
_MARKS = _QUOTES | _DASHES
_CAPITALS = re.compile(r"[A-Z]{2,}")


def normalize_characters(query: str) -> str:
    """Return ``query`` in compatibility composition (NFKC, Unicode Standard Annex 15), with ASCII quotes and dashes.

    Invisible characters are removed. A query of several words without a lower-case letter is put in lower case: its
    capitals tell no name from another word.
    """
    text = unicodedata.normalize("NFKC", query)
    text = "".join(char for char in text if unicodedata.category(char) != "Cf").translate(_MARKS)
    text = " ".join(text.split())
    if text.isupper() and len(_CAPITALS.findall(text)) > 3:
        text = text.lower()
    return text
