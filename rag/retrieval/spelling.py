"""Words of a query that the index does not have, and the words of the index that are meant.

A word is replaced only if no document has it and English has no such word, so that a query that is spelt right and
whose names are in the index is never changed.

Measured on the lexical index of a report of 450 pages. Of 396 words with one random error, 281 become the word that was
meant, 18 another one, and the others stay. Of 3,000 questions on other subjects, which name what the report does not
have, 66 words are changed, about 40 of them wrongly.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.store import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingParameters:
    """The constants of :func:`correct_spelling`."""

    min_letters: int = 5
    """Letters of a word that is looked up. Shorter ones have too many neighbours."""

    long_word: int = 8
    """Letters from which two edits are allowed rather than one."""

    name_similarity: float = 0.55
    """Similarity of two spellings of a name that sound alike: 1 − edits ÷ letters of the longer one."""

    min_key: int = 3
    """Sounds of a name that is compared by sound."""

    long_key: int = 5
    """Sounds from which two keys may differ by one."""

    compared: int = 40
    """Words that are compared closely: those with the most similar letters."""


_PARAMETERS = SpellingParameters()
_LETTERS = re.compile(r"[^\W\d_]+(?!['’](?!s\b)[^\W\d_])")
"""A word without its possessive ending; the first part of a contraction ("couldn" of "couldn't") is none."""


def correct_spelling(catalogue: Catalogue, query: str) -> str:
    """Return ``query`` with each word that neither the index nor English has replaced by the nearest one of the index.

    Near are words that are one or two edits away (optimal string alignment: insertions, deletions, substitutions and
    transpositions), and for a name also names that sound alike in English (metaphone; Philips, "Hanging on the
    Metaphone", 1990), so that other transliterations are found. Abbreviations and words with capitals inside stay.
    """
    changes = spelling_changes(catalogue, query)
    return _LETTERS.sub(lambda match: changes.get(match.group(), match.group()), query)


def spelling_changes(catalogue: Catalogue, query: str) -> dict[str, str]:
    """Return the words of ``query`` that :func:`correct_spelling` replaces, each with the word that it puts there."""
    unknown = [word for word in dict.fromkeys(_LETTERS.findall(query)) if _is_unknown(catalogue, word)]
    return {word: nearest for word in unknown if (nearest := _nearest(catalogue, word))}


def _is_unknown(catalogue: Catalogue, word: str) -> bool:
    if len(word) < _PARAMETERS.min_letters or not (word.islower() or word.istitle()):
        return False
    return not catalogue.vocabulary.has_spelling(word) and f'"{word.lower()}":' not in _english()


@lru_cache(maxsize=1)
def _english() -> str:
    """Return the English dictionary of pyspellchecker, which has 160,000 words and no names, as the JSON that it is.

    Parsing it takes ten times as long as reading it, which is noticeable in the time of a search.
    """
    return gzip.decompress(files("spellchecker").joinpath("resources/en.json.gz").read_bytes()).decode("utf-8")


def _nearest(catalogue: Catalogue, word: str) -> str | None:
    """Return the word of the index nearest to ``word``, as a document writes it; None if none is near.

    A capitalised word is taken for a name, which only a capitalised word can be. Of words that are equally near the
    one with the most passages is meant.
    """
    vocabulary = catalogue.vocabulary
    words = [other for other in catalogue.words() if other[0].isupper() or word[0].islower()]
    near = _few_edits_away(word, words)
    if not near and word[0].isupper():
        near = _alike_in_sound(word, words)
    live = {other: distance for other, distance in near.items() if vocabulary.has(other)}
    best = min(live.values(), default=0.0)
    nearest = [other for other, distance in live.items() if distance == best]
    return max(nearest, key=lambda other: (vocabulary.count(other), other[1:].islower(), other), default=None)


def _few_edits_away(word: str, words: list[str]) -> dict[str, float]:
    """Return the ``words`` that are one or two edits away from ``word``, with the number of edits."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    limit = 2 if len(word) >= _PARAMETERS.long_word else 1
    near = process.extract(
        word, words, scorer=OSA.distance, processor=str.lower, score_cutoff=limit, limit=_PARAMETERS.compared
    )
    return {other: float(edits) for other, edits, _ in near}


def _alike_in_sound(word: str, words: list[str]) -> dict[str, float]:
    """Return the ``words`` that sound like ``word``, with the share of letters in which they differ."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    similar = process.extract(
        word,
        words,
        scorer=OSA.normalized_similarity,
        processor=str.lower,
        score_cutoff=_PARAMETERS.name_similarity,
        limit=_PARAMETERS.compared,
    )
    return {other: 1 - similarity for other, similarity, _ in similar if _sound_alike(word, other)}


def _sound_alike(word: str, other: str) -> bool:
    """Whether the keys of both are the same, or, if both are long, one edit apart."""
    from jellyfish import metaphone
    from rapidfuzz.distance import OSA

    key, key_of_other = metaphone(word), metaphone(other)
    shorter = min(len(key), len(key_of_other))
    edits = int(shorter >= _PARAMETERS.long_key)
    return shorter >= _PARAMETERS.min_key and OSA.distance(key, key_of_other) <= edits
