"""Sentence boundaries as offsets.

sentencex (Wikimedia) splits the text. Its pieces are joined again where it splits too early: before a company's legal
form (``Trump Org. LLC``), between initials and a surname (``J.D. Gordon``), within a name with a mark or before one
(``Ember.Handlebars.SafeString``, ``the .NET runtime``, ``panic!()``), and before a piece that begins with a digit or in
lower case, unless the full stop ends a long word (``our internal systems. 37signals``). Joining is the safer error:
two sentences in one are still whole sentences, half a sentence is not.
"""

from __future__ import annotations

import re
from string import punctuation

CODE_INDENT = "    "
"""Begins every line of code in a document's text; no other line of it begins with a space."""

WORD_SHARE = 0.3
"""See :func:`is_wordless_code`."""

_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{2,}(?![^\W_])")
_PARAGRAPH = re.compile(r"\S(?:.|\n(?!\s*\n))*")
_INITIALS = re.compile(r"(?:^|[\s(“\"])(?:[A-Z]\.\s?)+$")
_ABBREVIATION = re.compile(
    r"\b(?:Org|Inc|Ltd|Co|Corp|Bros|Dept|Div|Sec|Para|Fig|Ex|Exs|Vol|Ch|App|Supp|Cir|Cong|Rep|Sen|Gov|Gen|Col|Lt|Capt|Sgt"
    r"|Maj|Adm|Amb|Hon|Rev|St|Mt|Ft|Jr|Sr|No|Nos|pp?|ca?f?|vs?|al|approx|est|e\.g|i\.e)\.\s*$"
)
_DOTTED = re.compile(r"[\w\s(]\.\Z")
"""At the end of a piece: a full stop without white space behind it, which seldom ends a sentence.

Of 66 such places in 14 public collections (documentation, proposals, minutes, law, statistics, history) 59 are within a
name or an address; the others lack the space ("human rights.Carter made"), mostly in one collection of history. Of
70 of 3,146 such places with white space before the full stop ("In .NET", "P = .04"), 69 are within a name or a number,
of 40 of 79 behind an opening bracket ("a source (.java) file") all.
"""

_MARKED_NAME = re.compile(r"\w[!?]+\Z")
"""At the end of a piece: an exclamation or question mark without white space behind it, as in ``panic!()``.

Of 70 of 1,128 such places in 20 public collections two end a sentence; the others are within code or an address.
"""

_LOWER_CASE = re.compile(r"\s*(?!https?:)[a-z]")
"""At the beginning of a piece: with an exclamation or question mark before it, it mostly goes on ("the vec! macro").

Of 64 of 877 such places in 17 collections 14 end a sentence, nearly all in minutes, whose writers omit capitals.
"""

_CONTINUATION = re.compile(r"\s*(?:[a-z0-9,;:)\]]|(?:LLC|LLP|Inc|Corp|Ltd|GmbH|AG|SA)\b)")

_LONGER_THAN_ABBREVIATIONS = 7
"""Letters of a word that is no abbreviation, so that the full stop behind it ends a sentence.

Of 141 such places before a digit (also of a number) or a lower-case word in 13 public collections (documentation,
proposals, statistics, terms) 136 end a sentence; three of the others are full stops that the author put within one.
The splitter joined all.
"""

_MIN_WORDS = 3
"""Words of a sentence that such a full stop ends: "Approx. 10" is none."""


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return ``(start, end)`` of each sentence of ``text``, without the white space around it.

    A blank line always ends a sentence; a single line break does not.
    """
    import sentencex

    spans: list[tuple[int, int]] = []
    for paragraph in _PARAGRAPH.finditer(text):
        offset = paragraph.start()
        joined: list[str] = []
        for piece in _checked(sentencex.segment("en", paragraph.group()), paragraph.group()):
            if joined and _continues(joined[-1], piece):
                joined[-1] += piece
            else:
                joined.append(piece)
        for piece in joined:
            body = piece.strip()
            if body:
                start = offset + len(piece) - len(piece.lstrip())
                spans.append((start, start + len(body)))
            offset += len(piece)
    return spans


def split_statements(text: str) -> list[tuple[int, int]]:
    """Return the spans of :func:`split_sentences` that are not in code: a brief quotes or cites sentences only."""
    return [span for span in split_sentences(text) if not is_code(text, span[0])]


def is_code(text: str, offset: int) -> bool:
    """Whether ``offset`` is on a line of code, which begins with :data:`CODE_INDENT`."""
    return text.startswith(CODE_INDENT, text.rfind("\n", 0, offset) + 1)


def is_wordless_code(text: str) -> bool:
    """Whether ``text`` is all code and has hardly a word: checksums, keys, dumps, tables of a benchmark, drawings.

    Less than :data:`WORD_SHARE` of its characters are letters of words. In ten public collections 176 of 59,000
    passages are so, 87 of them in a blog of 404 passages that announces releases, with their checksums. Of 30 of the
    others that were read none states a thing in words, though 8 are figures of benchmarks.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if not all(line.startswith(CODE_INDENT) for line in lines):
        return False
    letters = sum(len(word) for word in _WORD.findall(text))
    return letters < WORD_SHARE * len("".join(text.split()))


def _checked(pieces: list[str], text: str) -> list[str]:
    """Return ``pieces``, or ``text`` as one piece where they do not add up to it.

    Offsets are sums of the pieces' lengths, so a missing character would shift all that follow.
    """
    return pieces if "".join(pieces) == text else [text]


def _continues(before: str, piece: str) -> bool:
    """Whether ``piece`` continues the sentence that seemed to end with ``before``."""
    if _DOTTED.search(before) and re.match(r"[^\W_]", piece):
        return True
    if _MARKED_NAME.search(before) and re.match(r"\S", piece):
        return True
    if before.rstrip().endswith(("!", "?")) and _LOWER_CASE.match(piece):
        return True
    if _CONTINUATION.match(piece) and before.rstrip().endswith(".") and not _begins_without_capital(before, piece):
        return True
    return bool(_INITIALS.search(before.rstrip()) or _ABBREVIATION.search(before))


def _begins_without_capital(before: str, piece: str) -> bool:
    """Whether ``piece`` is a sentence that begins with a digit or in lower case, as a name may ("37signals", "npm").

    The word before the full stop is too long for an abbreviation, and ``piece`` has words and begins with no mark of
    a list and no number of a note ("… the argument. 12 The plaintiff").
    """
    words = before.split()
    last, (first, *others) = words[-1].strip(punctuation + "”’"), piece.split()
    return (
        (first[0].isdigit() or first[0].islower())
        and not (first.isdigit() and others and others[0][0].isupper())
        and first[-1] not in ".)"
        and len(words) >= _MIN_WORDS
        and len(last) >= _LONGER_THAN_ABBREVIATIONS
        and last.isalpha()
        and sum(word.isalpha() and word.islower() for word in others) >= 2
    )
