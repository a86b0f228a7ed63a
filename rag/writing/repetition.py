"""Find sentences that repeat another one with few other words."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from rag.text import find_numbers, words_of

MIN_COMMON_SHARE = 0.75
"""Share of the words of two sentences that stand in both in the same order, from which one repeats the other.

Of 732 sentences of summaries and conclusions written by hand over ten collections, none has so many words in common
with a sentence of the sections that it was written from; the highest share is .71.
"""


def differ_in_figures(text: str, other: str) -> bool:
    """Whether each text has a number that the other lacks: of two rules of 6 and of 16 weeks none repeats the other."""
    figures, others = ({value for value, _ in find_numbers(each)} for each in (text, other))
    return bool(figures - others and others - figures)


def is_near_copy(text: str, other: str, share: float = MIN_COMMON_SHARE) -> bool:
    """Whether ``text`` has the words and figures of ``other`` in the same order, but for a share of ``1 - share``."""
    if differ_in_figures(text, other):
        return False
    words, others = ([word.casefold() for word in words_of(each)] for each in (text, other))
    return SequenceMatcher(None, words, others, autojunk=False).ratio() >= share


def repeated_in(text: str, others: Iterable[str]) -> str | None:
    """Return the first of ``others`` that ``text`` repeats, or None."""
    return next((other for other in others if is_near_copy(text, other)), None)
