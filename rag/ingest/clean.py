"""Character-level cleaning that every format shares: Unicode, white space, footnote marks, redactions.

Briefs quote the cleaned text, so each step may remove typography but no words.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata

from rag.text import CODE_INDENT, MARKS

PAGE_BREAK = "\f"
"""Marks the beginning of a physical page; :mod:`rag.ingest.blocks` turns it into an offset."""

REDACTED = "[redacted]"
"""Replaces every redaction mark, so that readers and programs recognise a sentence with a gap."""

EXPERT_GLYPHS = {
    code: chr(code - 0xF700).upper()
    for codes in (
        (0xF721, 0xF724, 0xF726, 0xF73F, 0xF7A1, 0xF7A2, 0xF7BF),
        range(0xF730, 0xF73A),
        range(0xF761, 0xF77B),
    )
    for code in codes
} | {code: chr(code - 0xF700).upper() for code in range(0xF7E0, 0xF800) if code != 0xF7F7}
"""Plain characters for old-style figures ("oneoldstyle") and small capitals ("Asmall"), which the Adobe Glyph List puts
into the private use area. PDF files with expert fonts have them: without these, "1972" is lost."""

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_WINDOWS = {
    code: char for code in range(0x80, 0xA0) if code != 0x85 and (char := bytes([code]).decode("cp1252", "ignore"))
}
"""Controls that no text has, as the characters that Windows-1252 has at their places: ``1990\\x961995`` is a range of
years. Browsers read ``&#150;`` so too."""

# Soft hyphens, zero-width and direction marks, lone surrogates, private use (bullets of symbol fonts), controls.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff\ue000-\uf8ff\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
)
_REPLACED = EXPERT_GLYPHS | _WINDOWS
_LINE_BREAKS = re.compile("\r\n?|\x85|\u2028|\u2029|\x0b")
_SPACES = re.compile(r"[^\S\n\f]+")
_SUPERSCRIPT_MARK = re.compile(r"(?:(?<=[^\W\d_]{3})|(?<=[.,;:!?”’\")\]]))[¹²³⁰⁴-⁹]+")

_REDACTION = re.compile(
    r"(?<!\[)\[+\s*"
    r"(?:redacted|REDACTED|Redacted|HOM|Harm to Ongoing Matter|Personal Privacy|Investigative Techniques?)\b"
    r"[^\[\]\n]{0,60}\]+|[█▇▉■▬]{2,}|(?<!_)_{2,}(?:[ \n]+_{2,})+"
)

_WRONG_OPENING_QUOTE = re.compile(r"(?:(?<=[\s(\[—–])|^)”(?=[^\W_]|\[\w)")  # TeX sources often type " for both quotes

_LIST_ITEM = re.compile(rf"\s*(?:[{MARKS}]|\(?\d{{1,3}}[.)]|\(?[a-z][.)])\s+\S")
_LEADING_NUMBER = re.compile(r"\d{4}-\d\d-\d\d(?=[-_ ]|$)|\d+(?=[-_ ])")

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")

_LABEL = r"(?:HOM|Harm to Ongoing Matter|Personal Privacy|Grand Jury|Investigative Techniques?)"
_LABELLED_REDACTION = re.compile(rf"(?<!\[)\[+\s*\[redacted\]\W{{0,3}}{_LABEL}?\s*\]")
_ADJACENT_REDACTIONS = re.compile(r"(?:\[redacted\][\s.,;]*)+(?=\[redacted\])")
_REDACTED_SENTENCE = re.compile(r"(?<=[.!?”\"’)])(\s+\[redacted\])(?=\s+[A-Z“\"])")


def clean_text(text: str) -> str:
    """Return ``text`` in NFC with plain spaces and line breaks, without control and invisible characters.

    Ligatures are spelled out. Superscript footnote numbers after a word are removed (``m²`` stays). Redaction marks
    become :data:`REDACTED`. Page breaks stay. At most one blank line in a row is left.
    """
    text = _LINE_BREAKS.sub("\n", text)
    text = _INVISIBLE.sub("", text.translate(_REPLACED)).translate(_LIGATURES)
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text))
    text = re.sub(r" ?\n ?", "\n", text)
    text = _WRONG_OPENING_QUOTE.sub("“", _SUPERSCRIPT_MARK.sub("", text))
    return normalize_redactions(re.sub(r"\n{3,}", "\n\n", text))


def clean_code(text: str) -> str:
    """Return a block of code as lines indented by :data:`rag.text.CODE_INDENT`, their own indentation kept.

    Blank lines are removed, because a blank line ends a block. Apart from white space and invisible characters nothing
    is changed: a quotation mark or a superscript may be part of the program.
    """
    text = _INVISIBLE.sub("", _LINE_BREAKS.sub("\n", text).replace(PAGE_BREAK, "\n"))
    lines = [line.expandtabs(4).rstrip() for line in unicodedata.normalize("NFC", text).split("\n")]
    lines = [re.sub(r"[^\S\n ]", " ", line) for line in lines if line.strip()]
    return textwrap.indent(textwrap.dedent("\n".join(lines)), CODE_INDENT)


def normalize_redactions(text: str) -> str:
    """Replace each run of redaction marks by one :data:`REDACTED`; one between two sentences gets a full stop."""
    if "[" not in text and not re.search("[█▇▉■▬]{2}|__ *_", text):
        return text
    text = _LABELLED_REDACTION.sub(REDACTED, _REDACTION.sub(REDACTED, text))
    text = _ADJACENT_REDACTIONS.sub(lambda found: PAGE_BREAK * found.group().count(PAGE_BREAK), text)
    text = re.sub(r"\[redacted\] (?=[.,;:?!])", REDACTED, text)
    return _REDACTED_SENTENCE.sub(r"\1.", text)


def is_noise(line: str) -> bool:
    """Whether less than half of a scanned line's characters are letters or digits, or none is."""
    solid = "".join(line.split())
    readable = sum(char.isalnum() for char in solid)
    return not readable or (len(solid) >= 4 and readable / len(solid) < 0.5)


def is_list_item(text: str, start: int = 0) -> bool:
    """Whether ``text`` has, from ``start`` on, the mark of a list's item ("- ", "3. ", "(a) ") and a word after it."""
    return bool(_LIST_ITEM.match(text, start))


def match_key(text: str) -> str:
    """Reduce ``text`` to its case-folded letters and digits, to compare lines regardless of typography."""
    return _NOT_ALPHANUMERIC.sub("", text.casefold())


def title_from_name(name: str) -> str:
    """Turn a file name into a title: ``trump-tower_moscow.pdf`` → ``Trump tower moscow``.

    Leading zeros of a number go (``0243-try.md`` → ``243 Try``), so that a query with the number meets it; the hyphens
    of a date stay (``2024-05-01-notes.md`` → ``2024-05-01 Notes``). A README or an index is named after its directory.
    """
    *directories, last = name.rstrip("/").split("/")
    stem = re.sub(r"\.\w{1,5}$", "", last)
    if directories and re.fullmatch(r"readme|index", stem, re.IGNORECASE) and match_key(directories[-1]):
        stem = directories[-1]
    number = found[0] if (found := _LEADING_NUMBER.match(stem)) else ""
    rest = stem[len(number) :]
    words = clean_text(re.sub(r"[-_\s]+", " ", rest)).strip() or (clean_text(name) if not number else "")
    number = number if "-" in number else number.lstrip("0")
    return f"{number} {words[:1].upper()}{words[1:]}".strip()
