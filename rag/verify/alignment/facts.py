"""Facts on which vectors hardly differ: numbers, names, negations and hedges of a sentence and of its evidence."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_COUNTED = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty"
)
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_COUNTED.split(), 2)} | {
    "first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5",
}  # fmt: skip


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEGATIONS = _set(
    "not no never none neither nor nothing nobody without n't cannot denied deny denies refused failed fails fail "
    "unable lack lacks lacked unlikely hardly false"
)
_ABSOLUTES = _set("all only always every first most never none entirely solely must proves sole exclusively")
_HEDGES = _set("may might could can perhaps possibly likely some several many suggests reportedly allegedly probably")
STOP_WORDS = _set(
    """
    a an the of in on at to for from by with and or but as is are was were be been being am it its this that
    these those he she they his her their him them i we you my our your who whom whose which what where when how
    why do does did has have had will would can could may might shall should must there here than then so if
    into onto over under about after before between during through up down out off again also just very too such
    own same other s t d ll m re ve
    """
)

_FACTS = (
    "numbers numbers_missing numbers_missing_best any_number_missing names names_missing names_missing_share "
    "names_missing_best negated negated_best negation_differs negation_extra absolutes_new hedges_lost first_person"
)
FACTS = tuple(_FACTS.split())
"""Names of what :func:`facts` returns, in its order."""


def facts(claim: str, evidence: str, best: str) -> list[float]:
    """The ``FACTS`` of a claim against its evidence, and against the evidence's ``best`` sentence."""
    claim_numbers = numbers(claim)
    missing = claim_numbers - numbers(evidence)
    missing_best = claim_numbers - numbers(best)
    claim_words, evidence_words, best_words = _words(claim), _words(evidence), _words(best)
    claim_names = names(claim)
    strangers = claim_names - evidence_words
    negated, negated_best = _negated(claim), _negated(best)
    return [
        float(len(claim_numbers)),
        len(missing) / max(1, len(claim_numbers)),
        len(missing_best) / max(1, len(claim_numbers)),
        float(bool(missing)),
        float(len(claim_names)),
        float(len(strangers)),
        len(strangers) / max(1, len(claim_names)),
        len(claim_names - best_words) / max(1, len(claim_names)),
        float(negated),
        float(negated_best),
        float(negated != negated_best),
        float(negated and not _negated(evidence)),
        float(len((claim_words & _ABSOLUTES) - evidence_words)),
        float(len((best_words & _HEDGES) - claim_words)),
        float(bool({"i", "my", "me", "i'm"} & claim_words)),
    ]


def numbers(text: str) -> set[str]:
    """The numbers of a text, written one way: ``1,000`` and ``1000``, ``two`` and ``2`` are the same."""
    found = {match.replace(",", "").rstrip(".") for match in _NUMBER.findall(text)}
    return found | {_NUMBER_WORDS[word] for word in _WORD.findall(text.lower()) if word in _NUMBER_WORDS}


def names(text: str) -> set[str]:
    """Words that look like parts of names, in lower case: capitals that do not only open a sentence."""
    found = set()
    for match in _WORD.finditer(text):
        word = match.group()
        before = text[: match.start()].rstrip(" \"“'(‘")
        opens = not before or before[-1] in ".!?:\n"
        if word[0].isupper() and word.lower() not in STOP_WORDS and (not opens or (word.isupper() and len(word) > 1)):
            found.add(_bare(word))
    return found


def _words(text: str) -> set[str]:
    return {_bare(word) for word in _WORD.findall(text)}


def _bare(word: str) -> str:
    return word.lower().removesuffix("'s").removesuffix("’s")


def _negated(text: str) -> bool:
    return any(word in _NEGATIONS or word.endswith(("n't", "n’t")) for word in _WORD.findall(text.lower()))
