"""Cleaning that every format shares: characters, line ends, footnote marks, redactions, dates.

What is done here changes the text that briefs quote, so each step removes typography and never a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

PAGE = "\f"
"""Stands where a physical page begins; :mod:`rag.ingest.blocks` turns it into an offset."""

REDACTED = "[redacted]"
"""What every redaction mark becomes, so that a reader and a program can tell a damaged sentence."""

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
# Soft hyphens, zero-width and direction marks, lone surrogates, private use (bullets of symbol fonts), controls.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff\ue000-\uf8ff\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
)
_BREAKS = re.compile("\r\n?|\x85|\u2028|\u2029|\x0b")
_SPACES = re.compile(r"[^\S\n\f]+")
_SUPERSCRIPT_NOTE = re.compile(r"(?:(?<=[^\W\d_]{3})|(?<=[.,;:!?”’\")\]]))[¹²³⁰⁴-⁹]+")

_REDACTION = re.compile(
    r"\[+\s*(?:redacted|REDACTED|Redacted|HOM|Harm to Ongoing Matter|Personal Privacy|Investigative Techniques?)\b"
    r"[^\[\]\n]{0,60}\]+|[█▇▉■▬]{2,}|_{2,}(?:[ \n]+_{2,})+"
)

_WRONG_QUOTE = re.compile(r"(?:(?<=[\s(\[—–])|^)”(?=[^\W_]|\[\w)")  # TeX sources often type " for both

_LABEL = r"(?:HOM|Harm to Ongoing Matter|Personal Privacy|Grand Jury|Investigative Techniques?)"
_REDACTION_LABEL = re.compile(rf"\[+\s*\[redacted\]\W{{0,3}}{_LABEL}?\s*\]")
_REDACTIONS = re.compile(r"(?:\[redacted\][\s.,;]*)+(?=\[redacted\])")
_WHOLE_SENTENCE = re.compile(r"(?<=[.!?”\"’)])(\s+\[redacted\])(?=\s+[A-Z“\"])")

_OPEN_HYPHEN = re.compile(r"([^\W\d_]+)-$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def plain(text: str) -> str:
    """``text`` in NFC, with plain spaces and line breaks, without control or invisible characters.

    Ligatures are spelled out; superscript note numbers behind a word are dropped (``m²`` stays);
    page marks stay; at most one blank line in a row is left.
    """
    text = _BREAKS.sub("\n", text)
    text = _INVISIBLE.sub("", text).translate(_LIGATURES)
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text))
    text = re.sub(r" ?\n ?", "\n", text)
    text = _WRONG_QUOTE.sub("“", _SUPERSCRIPT_NOTE.sub("", text))
    return redact(re.sub(r"\n{3,}", "\n\n", text))


def redact(text: str) -> str:
    """``text`` with every redaction mark as one :data:`REDACTED`, a sentence of its own where it stands alone."""
    if "[" not in text and not re.search("[█▇▉■▬]{2}|__ *_", text):
        return text
    text = _REDACTION_LABEL.sub(REDACTED, _REDACTION.sub(REDACTED, text))
    text = _REDACTIONS.sub(lambda found: PAGE * found.group().count(PAGE), text)
    text = re.sub(r"\[redacted\] (?=[.,;:?!])", REDACTED, text)
    return _WHOLE_SENTENCE.sub(r"\1.", text)


def vocabulary(lines: Iterable[str]) -> Counter[str]:
    """How often each word stands in ``lines``, whole, in lower case, hyphenated ones as they are."""
    words: Counter[str] = Counter()
    for line in lines:
        words.update(word.lower() for word in _WORD.findall(line) if not line.rstrip().endswith(f"{word}-"))
    return words


def join_lines(lines: Sequence[str], known: Counter[str]) -> str:
    """The lines of one paragraph as running text, hyphenation at line ends undone.

    The document's own words (``known``) decide what a hyphen at a line's end is: the form that occurs
    elsewhere wins; if neither does, two halves that are words keep the hyphen (``so-called``) and
    others lose it (``inter-ference``). A line may begin with :data:`PAGE`.
    """
    joined = ""
    for line in lines:
        piece = line.lstrip(PAGE)
        page, piece = line[: len(line) - len(piece)], piece.strip()
        if not piece or not joined:
            joined += page + piece
            continue
        tail, head = _OPEN_HYPHEN.search(joined), _FIRST_WORD.match(piece)
        if tail and head:
            if not _keeps_hyphen(tail.group(1), head.group(), known):
                joined = joined[:-1]
            # The page begins after the word that straddles it.
            word, space, rest = piece.partition(" ")
            joined += word + (f" {page}" if page else space) + rest
        elif joined.endswith(("—", "–", "-")) and not joined.endswith((" –", " -", " —")):
            joined += page + piece
        else:
            joined += f" {page}{piece}"
    return joined


def _keeps_hyphen(left: str, right: str, known: Counter[str]) -> bool:
    if not right[0].islower():
        return True
    left, right = left.lower(), right.lower()
    closed, hyphenated = known[left + right], known[f"{left}-{right}"]
    if closed or hyphenated:
        return hyphenated > closed
    return bool(known[left] and known[right])


def is_noise(line: str) -> bool:
    """Whether a line of a scan is mostly neither letters nor digits, or has nothing to read at all."""
    solid = "".join(line.split())
    readable = sum(char.isalnum() for char in solid)
    return not readable or (len(solid) >= 4 and readable / len(solid) < 0.5)


def key(text: str) -> str:
    """``text`` reduced to lower-case letters and digits, for telling whether two lines say the same."""
    return "".join(char for char in text.casefold() if char.isalnum())


def title_from_name(name: str) -> str:
    """A file's name as a title: ``trump-tower_moscow.pdf`` → ``Trump tower moscow``."""
    stem = re.sub(r"\.\w{1,5}$", "", name.rstrip("/").rsplit("/", 1)[-1])
    words = plain(re.sub(r"[-_\s]+", " ", stem)).strip() or plain(name)
    return words[:1].upper() + words[1:]


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
_MONTH += r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})(?:-(?P<number>\d\d?)(?:-(?P<day>\d\d?))?)?(?:[T ]\d\d:.*)?",
        rf"(?:(?P<day>\d\d?)(?:st|nd|rd|th)?\s+)?{_MONTH},?\s+(?P<year>\d{{4}})",
        rf"{_MONTH}\s+(?P<day>\d\d?)(?:st|nd|rd|th)?,\s*(?P<year>\d{{4}})",
    )
)


def iso_date(text: object) -> str | None:
    """``text``, if the whole of it is a date, as ``2019``, ``2019-04`` or ``2019-04-18``; else None."""
    words = plain(str(text)).strip() if text is not None else ""
    for pattern in _DATES:
        if found := pattern.fullmatch(words):
            parts = found.groupdict()
            name = (parts.get("month") or "").lower()[:3]
            number = parts.get("number") or (_MONTHS.index(name) + 1 if name else None)
            return _valid(parts["year"], number, parts.get("day"))
    return None


def _valid(year: str, month: str | int | None, day: str | None) -> str | None:
    try:
        checked = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return checked.isoformat()[: 4 if not month else 7 if not day else 10]
