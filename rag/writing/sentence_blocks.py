"""Blocks: sentences of a passage that a brief prints one after the other, or not at all.

A sentence such as "It was withdrawn in 2021." answers as well as others, and is understood after its antecedent, the
sentence that names what was withdrawn; "However, it did not establish …" must not be left out where the finding before
it is quoted. Quoting both needs no rewriting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from rag.writing.evidence import EvidenceSentence, qualifies

SentenceBlock = tuple[EvidenceSentence, ...]
"""Sentences of one chunk, in its order."""


def placed_after(sentence: EvidenceSentence, antecedents: Sequence[EvidenceSentence]) -> EvidenceSentence:
    """Return ``sentence`` as one that must follow ``antecedents``, and each of these the one in front of it."""
    chain: EvidenceSentence | None = None
    for each in antecedents:
        chain = replace(each, after=chain)
    return replace(sentence, after=chain)


def with_antecedents(sentence: EvidenceSentence) -> list[EvidenceSentence]:
    """Return the antecedents of ``sentence``, in order, and ``sentence``."""
    return [*(with_antecedents(sentence.after) if sentence.after else ()), sentence]


def blocks_of(sentences: Iterable[EvidenceSentence]) -> list[SentenceBlock]:
    """Divide ``sentences`` into blocks, in the order of their first members; of equal places the first is kept.

    A sentence is in a block with its antecedents and with what qualifies it, as far as these are among ``sentences``.
    """
    known: dict[tuple[str, int], EvidenceSentence] = {}
    links: list[tuple[tuple[str, int], tuple[str, int]]] = []
    for each in sentences:
        known.setdefault(each.place, each)
        links += pairwise(antecedent.place for antecedent in with_antecedents(each))
    links += [(a.place, b.place) for a in known.values() for b in known.values() if qualifies(b, a)]
    linked: defaultdict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
    for one, other in links:
        linked[one].add(other)
        linked[other].add(one)
    blocks: list[SentenceBlock] = []
    divided: set[tuple[str, int]] = set()
    for place in known:
        if place in divided:
            continue
        reached, waiting = {place}, [place]
        while waiting:
            new = linked[waiting.pop()] - reached
            reached |= new
            waiting += new
        divided |= reached
        blocks.append(tuple(sorted((known[each] for each in reached if each in known), key=lambda each: each.start)))
    return blocks
