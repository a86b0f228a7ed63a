"""Blocks: sentences of a passage that a brief prints one after the other, or not at all.

A sentence such as "It was withdrawn in 2021." answers as well as others, and is understood after the one that names
what was withdrawn; "However, it did not establish …" must not be left out where the finding before it is quoted.
Quoting both needs no rewriting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rag.writing.evidence import EvidenceSentence, qualifies

Block = tuple[EvidenceSentence, ...]
"""Sentences of one chunk, in its order."""


def placed_after(sentence: EvidenceSentence, before: Sequence[EvidenceSentence]) -> EvidenceSentence:
    """Return ``sentence`` as one that must follow the sentences ``before``, each of them the one in front of it."""
    chain: EvidenceSentence | None = None
    for each in before:
        chain = replace(each, after=chain)
    return replace(sentence, after=chain)


def with_antecedents(sentence: EvidenceSentence) -> list[EvidenceSentence]:
    """Return the sentences that ``sentence`` must follow, in order, and ``sentence``."""
    return [*(with_antecedents(sentence.after) if sentence.after else ()), sentence]


def blocks_of(sentences: Iterable[EvidenceSentence]) -> list[Block]:
    """Divide ``sentences`` into blocks, in the order of their first members; of equal places the first is kept."""
    known = {each.place: each for each in reversed(list(sentences))}
    ordered = list(reversed(known.values()))
    block_at = {each.place: at for at, each in enumerate(ordered)}
    for a in ordered:
        for b in ordered:
            if a.chunk.id == b.chunk.id and _stand_together(a, b):
                kept, joined = sorted((block_at[a.place], block_at[b.place]))
                block_at = {place: kept if at == joined else at for place, at in block_at.items()}
    members: dict[int, list[EvidenceSentence]] = {}
    for each in ordered:
        members.setdefault(block_at[each.place], []).append(each)
    return [tuple(sorted(block, key=lambda each: each.start)) for _, block in sorted(members.items())]


def _stand_together(a: EvidenceSentence, b: EvidenceSentence) -> bool:
    """Whether ``b`` refers to ``a``, which it follows, or qualifies it."""
    return (b.after is not None and b.after.place == a.place) or qualifies(b, a)
