"""Words of English text: tokens, stems and the list of function words."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snowballstemmer.english_stemmer import EnglishStemmer

FUNCTION_WORDS = frozenset(
    (
        "a an the and or but as "
        "of to in on at by for with from into about over under between among during within while including than also "
        "both he she it they him her them his its their this that these those there "
        "who whom whose which what where when why how "
        "is are was were be been being has have had do does did"
    ).split()
)
"""English words without a subject of their own, in lower case: the stop-word list, which others add to.

Only ``rag/verify/alignment/facts.py`` has a list of its own, with which the weights of its model were trained.
Words that decide what a sentence asserts are not in it: negations, modal verbs, quantifiers, and the conjunctions of
cause, condition and order ("because", "if", "after").
"""

_WORD = re.compile(r"[^\W_][\w’'-]*")
_POSSESSIVE = re.compile(r"['’][sS]?$")
_STEMMER_LOCK = threading.Lock()


def words_of(text: str) -> list[str]:
    """Return the words of ``text`` in order, as written, without possessive endings."""
    return [word for word, _, _ in word_spans(text)]


def word_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of :func:`words_of`, each with its start and end in ``text``, possessive ending included."""
    for match in _WORD.finditer(text):
        yield _POSSESSIVE.sub("", match.group()), match.start(), match.end()


def content_stems(text: str) -> frozenset[str]:
    """Return the stems of the words of ``text`` other than function words."""
    return frozenset(stem(word) for word in map(str.lower, words_of(text)) if word not in FUNCTION_WORDS)


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Return the stem of ``word``, which is in lower case, by the Snowball stemmer for English (Porter2).

    "policy" and "policies" share a stem, and so do "deny" and "denied".
    """
    with _STEMMER_LOCK:  # a stemmer keeps the word that it works on as its state
        return str(_stemmer().stemWord(word.replace("’", "'")))


@lru_cache(maxsize=1)
def _stemmer() -> EnglishStemmer:
    from snowballstemmer.english_stemmer import EnglishStemmer  # the package imports every language: 20 ms

    return EnglishStemmer()
