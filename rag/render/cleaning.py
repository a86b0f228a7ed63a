"""Cleaning of text from documents and models, which every format applies before its own escaping."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# C0 and C1 control characters except tab and line feed: a terminal may act on them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Embeddings, overrides and isolates can make a line display differently from its stored order ("Trojan Source",
# Boucher and Anderson 2021).
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MARKER = re.compile(r"\[(\d+)\]")
_FINAL_STOP = re.compile(r"(?<![.!?…])[.!?…]$")
_ABBREVIATION = re.compile(r"(?:\b[A-Z]|\b(?:Inc|Ltd|Co|Corp|Bros|Jr|Sr|No|St|etc|al|Org|Dept|[ap]\.m))\.$")


def neutralise(text: str) -> str:
    """Return ``text`` with control characters replaced by visible symbols (``␛``) and direction overrides removed."""
    text = _CONTROL.sub(_visible_symbol, text.replace("\r\n", "\n"))
    return _BIDI.sub("", text)


def _visible_symbol(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return "\n" if match.group() in "\v\f\r\x1c\x1d\x1e" else chr(0x2400 + code)
    return {0x7F: "␡", 0x85: "\n"}.get(code, "\ufffd")


def single_line(text: str) -> str:
    """Return the neutralised ``text`` on one line, with white space collapsed."""
    return " ".join(neutralise(text).split())


def running_text(text: str) -> str:
    """Return :func:`single_line` of ``text`` with ``[7]`` changed to ``(7)``, so that it cannot pass for a marker."""
    return _MARKER.sub(r"(\1)", single_line(text))


def split_final_stop(text: str) -> tuple[str, str]:
    """Split ``text`` before its full stop, where the citation markers go.

    Removing the markers must give the sentence back. The second part is therefore empty where the stop belongs to an
    abbreviation or stands inside a quotation.
    """
    if _FINAL_STOP.search(text) and not _ABBREVIATION.search(text):
        return text[:-1], text[-1]
    return text, ""


def web_address(source: str) -> str | None:
    """Return ``source`` if it is an HTTP or HTTPS address that is safe to link, else None."""
    if re.search(r"[\s<>\"`\\]", source) or neutralise(source) != source:
        return None
    try:
        parts = urlsplit(source)
    except ValueError:
        return None
    return source if parts.scheme in ("http", "https") and parts.hostname else None
