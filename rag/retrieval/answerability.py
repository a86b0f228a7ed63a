"""Can this evidence answer this question at all? Asked before anything is written.

Two ways of not answering: the corpus is about something else (nothing is similar to the question), or it is about
the subject but lacks the fact ("Which car does Cohen drive?"), where similarity is high and a word of the question
has no counterpart in any passage that names what the question names. Counterparts are found by late interaction
(ColBERT; Khattab & Zaharia, SIGIR 2020): a word of the question against every word of those passages, so that "fired"
is met by "dismissal".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from rag.embedding import EmbedWords
from rag.retrieval.query_terms import query_terms
from rag.text.words import stem, words_of
from rag.types import Hit

ABOUT = 0.34
"""Cosine that the best passage must have: unrelated subjects stay below 0.3, related ones reach 0.45."""

MET, MET_NAME = 0.44, 0.6
"""Cosines from which a word of a passage is the counterpart of a word, or of a name, of the question."""

FOREIGN = 0.3
"""Cosine below which a word has nothing to do with any passage: an answer without it answers another question."""

ALIKE = 0.85
"""Share of letters from which two spellings are of one name."""

PASSAGES = 20

_TITLES = frozenset("Mr Mrs Ms Dr President Senator Representative Judge Justice Director Secretary General".split())
_CAPITALISED = re.compile(r"\b[A-Z]\w+")
_HEAD = re.compile(r"\b(?:which|what|how many|how much|how)\s+([a-z][\w’'-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerability:
    """``gaps`` are sentences for the reader; with ``enough`` False nothing is to be written."""

    enough: bool
    gaps: tuple[str, ...]


def assess(question: str, hits: Sequence[Hit], nearest: float, embed_words: EmbedWords) -> Answerability:
    """Whether ``hits`` can answer ``question``; ``nearest`` is the best passage's cosine with it."""
    if not hits:
        return Answerability(enough=False, gaps=("Nothing in the corpus matches the question.",))
    if nearest < ABOUT:
        return Answerability(enough=False, gaps=("No document in the corpus is about the subject of the question.",))
    asked = query_terms(question)
    absent = unmet(question, asked, hits[:PASSAGES], embed_words)
    if not absent:
        return Answerability(enough=True, gaps=())
    listed = ", ".join(f"“{word}”" for word in absent)
    gap = f"The passages nearest to the question say nothing of {listed}."
    return Answerability(enough=not _decisive(question, asked, absent), gaps=(gap,))


def unmet(question: str, asked: Sequence[str], hits: Sequence[Hit], embed_words: EmbedWords) -> dict[str, float]:
    """The words among ``asked`` that no passage has, nor has a counterpart of, and the cosine of what comes nearest.

    Only passages count that name what the question names, if any does: a salary paid to somebody else is no answer.
    """
    passages = [f"{hit.chunk.context}\n{hit.chunk.text}" for hit in hits]
    present = [{stem(word.lower()) for word in words_of(passage)} for passage in passages]
    first = next(iter(words_of(question)), "")
    named = {stem(word.lower()) for word in asked if word[0].isupper() and word != first}
    about = [i for i, words in enumerate(present) if words & named] or list(range(len(passages)))

    def open_in(word: str, places: Iterable[int]) -> bool:
        return not any(stem(word.lower()) in present[i] for i in places)

    open_words = [
        word for word in asked if open_in(word, range(len(passages)) if stem(word.lower()) in named else about)
    ]
    if not open_words:
        return {}
    (words, vectors), *others = embed_words([question, *(passages[i] for i in about)])
    everything = np.concatenate([theirs for _, theirs in others if len(theirs)])
    nearest = {word: float((everything @ vector).max()) for word, vector in zip(words, vectors, strict=True)}
    initials = "".join(name[0] for passage in passages for name in _CAPITALISED.findall(passage))
    return {
        word: near
        for word in open_words
        if (near := nearest.get(word.lower(), 0.0)) < (MET_NAME if word[0].isupper() else MET)
        and not (word.isupper() and 2 <= len(word) <= 5 and word in initials)
        and not _spelled(word, passages)
        and not _first_name(word, question, "\n".join(hit.chunk.text for hit in hits))
    }


def _spelled(word: str, passages: Sequence[str]) -> bool:
    """Whether the passages have the name ``word`` in another spelling: "Dmitri" is met by "Dimitri"."""
    names = {name for passage in passages for name in _CAPITALISED.findall(passage)}
    return word[0].isupper() and bool(get_close_matches(word, names, n=1, cutoff=ALIKE))


def _first_name(word: str, question: str, text: str) -> bool:
    """Whether ``word`` is only the first name of somebody whom ``text`` calls by the other one, or more fully.

    "Don McGahn" is met by "McGahn" and by "Donald McGahn"; "Melania Trump" is not by "Donald Trump".
    """
    whole = re.search(rf"\b{re.escape(word)} ([A-Z][\w’'-]+)", question)
    if whole is None:
        return False
    last = re.sub(r"['’]s?$", "", whole[1])
    called = set(re.findall(rf"(?<=[a-z,;] )([A-Z]\w+) {re.escape(last)}\b", text)) - _TITLES
    if not called:
        return re.search(rf"\b{re.escape(last)}\b", text) is not None
    return any(name.startswith(word) or word.startswith(name) for name in called)


def _decisive(question: str, asked: Sequence[str], absent: Mapping[str, float]) -> bool:
    """Whether an answer without the ``absent`` words would answer another question."""
    heads = {match.lower() for match in _HEAD.findall(question)}
    first = next(iter(words_of(question)), "")
    for word, near in absent.items():
        named = word[0].isdigit() or (word[0].isupper() and word != first)
        if named or word.lower() in heads or near < FOREIGN:
            return True
    return 3 * len(absent) >= len(asked)
