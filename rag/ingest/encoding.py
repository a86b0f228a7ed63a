"""Bytes → text, whatever they were written in."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes, declared: str | None = None) -> tuple[str, dict[str, str]]:
    """``data`` as text, and ``{"encoding": name}`` if it was not UTF-8 (for ``Document.metadata``).

    A byte order mark decides, then UTF-8, then ``declared`` (what the file or its server says), then
    charset-normalizer's guess; Windows-1252 is the last resort, because it reads any Western text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, errors="replace"), {} if name == "utf-8-sig" else {"encoding": name}
    if wide := _utf16_without_mark(data):
        return data.decode(wide, errors="replace"), {"encoding": wide}
    try:
        return data.decode("utf-8"), {}
    except UnicodeDecodeError:
        pass
    for guess in filter(None, (declared, _guess(data))):
        try:
            return data.decode(guess), {"encoding": codecs.lookup(guess).name}
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace"), {"encoding": "cp1252"}


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 of a Latin text has a zero in nearly every second byte, which nothing else does."""
    sample = data[:4096]
    if len(sample) < 8:
        return None
    half = len(sample) // 2
    if sample[1::2].count(0) > 0.7 * half and sample[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.7 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    found = from_bytes(data[:200_000])
    best = found.best()
    if best is None:
        return None
    # The Western and Central European code pages differ in a few letters, and short samples fit many of them
    # about as well. Windows-1252 is the likeliest by far wherever it is among the good readings.
    near = (match for match in found if match.chaos <= best.chaos + 0.05)
    western = any("cp1252" in {match.encoding, *match.could_be_from_charset} for match in near)
    return "cp1252" if western else best.encoding
