"""The claim of a pair as the network reads it, and the words of it that the network marks as unsupported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Span = tuple[int, int]
"""Start and end of a part of a claim, as offsets."""

_WORD = re.compile(r"[^\W_](?:\S*\w)?|[^\w\s]?\d\S*\w?")
_CLAUSE_END = frozenset(".;:,)–—")
_MAX_GAP = 2

MIN_SHARE_OF_HIGHEST = 0.6
"""A token counts as marked only from this share of the claim's highest mark on: marks compare the words of a claim, but
their level differs between claims."""


class ClaimPart(NamedTuple):
    """Tokens of a claim or of a part of it, with the offsets of each in the claim."""

    ids: tuple[int, ...]
    offsets: tuple[Span, ...]


def claim_parts(claim: str, tokenizer: Tokenizer, limit: int) -> list[ClaimPart]:
    """Return ``claim`` as parts of at most ``limit`` tokens, usually one; a longer one is divided after a clause."""
    found = tokenizer.encode(claim, add_special_tokens=False)
    parts = []
    first = 0
    while first < len(found.ids):
        end = min(first + limit, len(found.ids))
        if end < len(found.ids):
            after_clause = (
                at for at in range(end, first + limit // 2, -1) if claim[slice(*found.offsets[at - 1])] in _CLAUSE_END
            )
            end = next(after_clause, end)
        parts.append(ClaimPart(tuple(found.ids[first:end]), tuple(found.offsets[first:end])))
        first = end
    return parts


def marked_spans(claim: str, offsets: Sequence[Span], marks: Sequence[float], threshold: float) -> list[Span]:
    """Return the parts of ``claim`` with marked tokens, the one with the most marks first.

    Marks are widened to whole words, and joined where at most two words lie between them.

    Args:
        claim: the sentence.
        offsets: of its tokens.
        marks: for each token, the probability that it is not supported.
        threshold: the probability from which a token can count as marked.
    """
    threshold = max(threshold, MIN_SHARE_OF_HIGHEST * max(marks, default=0.0))
    marked = [(span, mark) for span, mark in zip(offsets, marks, strict=True) if mark >= threshold]
    words = [match.span() for match in _WORD.finditer(claim)]
    weights = [sum(mark for (start, end), mark in marked if start < stop and end > begin) for begin, stop in words]
    hits = [at for at, weight in enumerate(weights) if weight]
    runs = list(_runs(hits))
    runs.sort(key=lambda run: -sum(weights[run[0] : run[1] + 1]))
    return [(words[first][0], words[last][1]) for first, last in runs]


def _runs(hits: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of the numbers in ``hits`` that follow each other closely."""
    if not hits:
        return
    first = hits[0]
    for here, following in pairwise(hits):
        if following - here > _MAX_GAP + 1:
            yield first, here
            first = following
    yield first, hits[-1]
