"""Join the lines of a paragraph and undo hyphenation at line ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rag.ingest.clean import PAGE_BREAK

_HYPHENATED_END = re.compile(r"([^\W\d_]+)-$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def word_counts(lines: Iterable[str]) -> Counter[str]:
    """Count the words of ``lines`` in lower case, hyphenated words whole, words cut off at a line end left out."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(word.lower() for word in _WORD.findall(line) if not line.rstrip().endswith(f"{word}-"))
    return counts


def join_lines(lines: Sequence[str], counts: Counter[str]) -> str:
    """Join the lines of one paragraph and undo hyphenation at line ends.

    Whether a hyphen at a line end belongs to the word is decided by the document's own words: the form that occurs
    more often elsewhere wins. If neither form occurs, two halves that occur as words keep the hyphen (``so-called``)
    and others lose it (``inter-ference``).

    Args:
        lines: the lines; each may begin with :data:`PAGE_BREAK`.
        counts: the words of the document, from :func:`word_counts`.
    """
    joined = ""
    for line in lines:
        piece = line.lstrip(PAGE_BREAK)
        page_breaks, piece = line[: len(line) - len(piece)], piece.strip()
        if not piece or not joined:
            joined += page_breaks + piece
            continue
        # Only the last word is searched: a search of all that is joined takes quadratic time.
        tail = _HYPHENATED_END.search(joined, _last_space(joined)) if joined[-1] == "-" else None
        head = _FIRST_WORD.match(piece) if tail else None
        if tail and head:
            if not _keeps_hyphen(tail.group(1), head.group(), counts):
                joined = joined[:-1]
            # A word that crosses the page break belongs to the page that it begins on.
            word, space, rest = piece.partition(" ")
            joined += word + (f" {page_breaks}" if page_breaks else space) + rest
        elif joined.endswith(("—", "–", "-")) and not joined.endswith((" –", " -", " —")):
            joined += page_breaks + piece
        else:
            joined += f" {page_breaks}{piece}"
    return joined


def _last_space(text: str) -> int:
    """Return the offset of the last space or line break in ``text``, or 0."""
    return max(text.rfind(" "), text.rfind("\n"), 0)


def _keeps_hyphen(left: str, right: str, counts: Counter[str]) -> bool:
    if not right[0].islower():
        return True
    left, right = left.lower(), right.lower()
    closed, hyphenated = counts[left + right], counts[f"{left}-{right}"]
    if closed or hyphenated:
        return hyphenated > closed
    return bool(counts[left] and counts[right])
