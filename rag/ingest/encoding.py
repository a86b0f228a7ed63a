"""Decode bytes of unknown encoding."""

from __future__ import annotations

import codecs

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes, declared: str | None = None) -> tuple[str, dict[str, str]]:
    """Decode ``data``; never fails.

    Tried in order: a byte order mark, UTF-16 without a mark, UTF-8, ``declared``, charset-normalizer's best guess, and
    Windows-1252, which decodes any Western text.

    Args:
        declared: the encoding that the file or its server names.

    Returns:
        The text, and ``{"encoding": name}`` for ``Document.metadata`` unless the encoding is UTF-8.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(name, errors="replace"), {} if name == "utf-8-sig" else {"encoding": name}
    if wide := _utf16_without_mark(data):
        return data.decode(wide, errors="replace"), {"encoding": wide}
    try:
        return data.decode("utf-8"), {}
    except UnicodeDecodeError:
        pass
    for candidate in filter(None, (declared, _guess_encoding(data))):
        try:
            return data.decode(candidate), {"encoding": codecs.lookup(candidate).name}
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace"), {"encoding": "cp1252"}


def _utf16_without_mark(data: bytes) -> str | None:
    """Recognise UTF-16 of Latin text by its zeros in nearly every second byte."""
    sample = data[:4096]
    if len(sample) < 8:
        return None
    half = len(sample) // 2
    if sample[1::2].count(0) > 0.7 * half and sample[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.7 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None


def _guess_encoding(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:200_000])
    best = matches.best()
    if best is None:
        return None
    # The Western and Central European code pages differ in a few letters, so that many of them fit a short sample about
    # equally well. Windows-1252 is by far the most likely of those, hence preferred wherever it is among the good ones.
    near = (match for match in matches if match.chaos <= best.chaos + 0.05)
    western = any("cp1252" in {match.encoding, *match.could_be_from_charset} for match in near)
    return "cp1252" if western else best.encoding
