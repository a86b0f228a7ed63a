"""Examples whose claims are sentences of the passage itself, word for word, shortened, or corrupted in one fact.

Claims written by hand turn the words of the passage; what a small model or the ``extractive`` writer prints are near
copies of it, and there a single changed number, date, name or role is the fault to find (Kryściński et al., 2020,
"Evaluating the Factual Consistency of Abstractive Text Summarization").
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from . import corrupt
from .examples import Example, ExampleClaim, twins
from .prose import Passage

CLAIMS_PER_EXAMPLE = 3
SHORTENED_SHARE = 0.4
"""Share of the sentences that are shortened where they can be."""
FEWEST_WORDS, MOST_WORDS = 8, 60

Change = Callable[[str, random.Random], str | None]


def copied_examples(passages: Sequence[Passage], share: float, rng: random.Random) -> Iterator[Example]:
    """Yield for a ``share`` of the passages up to three of their sentences, each with a corrupted twin where it can be.

    A sentence is the claim as it stands or shortened. Names put in come from the passage, or else from another one.
    """
    for passage in passages:
        if rng.random() >= share:
            continue
        sentences = [each for each in passage.sentences if FEWEST_WORDS <= len(each.split()) <= MOST_WORDS]
        names = _names(passage) + _names(rng.choice(passages))
        claims: list[ExampleClaim] = []
        for sentence in rng.sample(sentences, min(CLAIMS_PER_EXAMPLE, len(sentences))):
            claims += _claims(sentence, names, rng)
        if claims:
            yield Example(evidence=passage.text(), claims=tuple(claims), source=passage.domain)


def _claims(sentence: str, names: list[str], rng: random.Random) -> Sequence[ExampleClaim]:
    shorter = corrupt.shorten(sentence, rng) if rng.random() < SHORTENED_SHARE else None
    claim = shorter or sentence
    changes: dict[str, Change] = {
        **corrupt.CORRUPTIONS,
        "date": corrupt.date,
        "name": lambda text, rng: corrupt.name(text, rng, names),
        "over-claim": corrupt.overclaim,
    }
    for kind in rng.sample(sorted(changes), len(changes)):
        twin = changes[kind](claim, rng)
        if twin is not None and twin not in sentence:
            return twins(claim, twin, ("copy", kind))
    return [ExampleClaim(text=claim, supported=True, unsupported=(), kind="copy")]


def _names(passage: Passage) -> list[str]:
    return [match.group() for sentence in passage.sentences for match in corrupt.NAME_PATTERN.finditer(sentence)]
