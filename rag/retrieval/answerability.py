"""Answerability: whether retrieved evidence can answer a question at all, decided before anything is written.

Evidence fails in two ways. It is about another subject: nothing is similar to the question. Or it is about the subject
and lacks the fact ("Which car does Cohen drive?"): similarity is high, but a term of the question has no counterpart in
any passage that names what the question names. Counterparts are found by late interaction (ColBERT; Khattab & Zaharia,
SIGIR 2020): each term is compared with every word of those passages, so that "dismissal" is a counterpart of "fired".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval.query_terms import query_terms
from rag.text import stem, words_of
from rag.types import Hit

if TYPE_CHECKING:
    from rag.embedding import EmbedWords


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerabilityParameters:
    """The constants of :func:`assess_answerability`."""

    min_similarity: float = 0.34
    """Cosine that the most similar passage needs: unrelated subjects stay below 0.3, related ones reach 0.45."""

    counterpart: float = 0.44
    """Cosine from which a word of a passage is the counterpart of a term that is no name."""

    counterpart_of_name: float = 0.6
    """The same for a term that is a name."""

    unrelated: float = 0.3
    """Cosine below which a missing term is decisive: no passage has anything to do with it."""

    same_spelling: float = 0.85
    """Similarity from which two spellings are of one name (difflib's ratio): "Dmitri", "Dimitri"."""

    passages: int = 20
    """Hits in which terms are looked for."""


_PARAMETERS = AnswerabilityParameters()

_HONORIFICS = frozenset(
    "Mr Mrs Ms Dr President Senator Representative Judge Justice Director Secretary General".split()
)
_CAPITALISED = re.compile(r"\b[A-Z]\w+")
_HEAD = re.compile(r"\b(?:which|what|how many|how much|how)\s+([a-z][\w’'-]+)", re.IGNORECASE)
"""The word that says what kind of answer is wanted: "which car", "how tall"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerability:
    """Whether evidence can answer a question. Nothing is written unless ``enough``.

    ``gaps`` are sentences for the reader about what the evidence lacks.
    """

    enough: bool
    gaps: tuple[str, ...]


def assess_answerability(
    question: str, hits: Sequence[Hit], similarity: float, embed_words: EmbedWords
) -> Answerability:
    """Return whether ``hits`` can answer ``question``; ``similarity`` is the cosine of its most similar passage."""
    if not hits:
        return Answerability(enough=False, gaps=("Nothing in the corpus matches the question.",))
    if similarity < _PARAMETERS.min_similarity:
        return Answerability(enough=False, gaps=("No document in the corpus is about the subject of the question.",))
    terms = query_terms(question)
    missing = missing_terms(question, terms, hits[: _PARAMETERS.passages], embed_words)
    if not missing:
        return Answerability(enough=True, gaps=())
    listed = ", ".join(f"“{word}”" for word in missing)
    gap = f"The passages nearest to the question say nothing of {listed}."
    return Answerability(enough=not _decisive(question, terms, missing), gaps=(gap,))


def missing_terms(
    question: str, terms: Sequence[str], hits: Sequence[Hit], embed_words: EmbedWords
) -> dict[str, float]:
    """Return the ``terms`` that no passage has, nor a counterpart of, each with the cosine of the word nearest to it.

    If any passages name what the question names, only those count: the salary of somebody else is no answer.
    """
    passages = [f"{hit.chunk.context}\n{hit.chunk.text}" for hit in hits]
    stems = [{stem(word.lower()) for word in words_of(passage)} for passage in passages]
    first = next(iter(words_of(question)), "")
    named = {stem(word.lower()) for word in terms if word[0].isupper() and word != first}
    relevant = [i for i, found in enumerate(stems) if found & named] or list(range(len(passages)))

    def absent_from(word: str, places: Iterable[int]) -> bool:
        parts = {stem(part) for part in word.lower().split("-")}  # "arms-control" is there as "arms control"
        return not any(stem(word.lower()) in stems[i] or parts <= stems[i] for i in places)

    absent = [
        word for word in terms if absent_from(word, range(len(passages)) if stem(word.lower()) in named else relevant)
    ]
    if not absent:
        return {}
    (words, vectors), *others = embed_words([question, *(passages[i] for i in relevant)])
    passage_words = np.concatenate([found for _, found in others if len(found)])
    nearest = {word: float((passage_words @ vector).max()) for word, vector in zip(words, vectors, strict=True)}
    initials = "".join(name[0] for passage in passages for name in _CAPITALISED.findall(passage))
    return {
        word: cosine
        for word in absent
        if (cosine := nearest.get(word.lower(), 0.0))
        < (_PARAMETERS.counterpart_of_name if word[0].isupper() else _PARAMETERS.counterpart)
        and not (word.isupper() and 2 <= len(word) <= 5 and word in initials)
        and not _is_spelling_variant(word, passages)
        and not _is_known_first_name(word, question, "\n".join(hit.chunk.text for hit in hits))
    }


def _is_spelling_variant(word: str, passages: Sequence[str]) -> bool:
    """Whether ``word`` is a name that the passages spell otherwise: "Dmitri" for "Dimitri"."""
    names = {name for passage in passages for name in _CAPITALISED.findall(passage)}
    return word[0].isupper() and bool(get_close_matches(word, names, n=1, cutoff=_PARAMETERS.same_spelling))


def _is_known_first_name(word: str, question: str, text: str) -> bool:
    """Whether ``word`` is the first name of somebody whom ``text`` calls by the surname alone, or by a longer form.

    "Don McGahn" is found in "McGahn" and in "Donald McGahn"; "Melania Trump" is not found in "Donald Trump".
    """
    full_name = re.search(rf"\b{re.escape(word)} ([A-Z][\w’'-]+)", question)
    if full_name is None:
        return False
    surname = re.sub(r"['’]s?$", "", full_name[1])
    first_names = set(re.findall(rf"(?<=[a-z,;] )([A-Z]\w+) {re.escape(surname)}\b", text)) - _HONORIFICS
    if not first_names:
        return re.search(rf"\b{re.escape(surname)}\b", text) is not None
    return any(name.startswith(word) or word.startswith(name) for name in first_names)


def _decisive(question: str, terms: Sequence[str], missing: Mapping[str, float]) -> bool:
    """Whether an answer without the ``missing`` terms would answer another question."""
    heads = {match.lower() for match in _HEAD.findall(question)}
    first = next(iter(words_of(question)), "")
    for word, cosine in missing.items():
        name_or_number = word[0].isdigit() or (word[0].isupper() and word != first)
        if name_or_number or word.lower() in heads or cosine < _PARAMETERS.unrelated:
            return True
    return 3 * len(missing) >= len(terms)
