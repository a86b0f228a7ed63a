"""Choose which of many pairs with the same claim are worth the time of a verifier.

A search for a better citation pairs one claim with every retrieved chunk. The packaged verifier reads the chunks that
share the most rare words with the claim, a chat model only the most promising of these pairs.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from rag.text import content_stems
from rag.types import Chunk

MAX_NEAR_CHUNKS = 8
"""Number of chunks that a search for a better citation reads for a claim."""

CANDIDATES_PER_CLAIM = 2
"""Number of pairs with the same claim that a chat model reads at the most, unless its caller wants all verdicts."""


def promising_pairs(pairs: Sequence[tuple[str, Sequence[object]]], scores: Sequence[float], most: int) -> list[int]:
    """Return the positions of the pairs to be read, in order: at most ``most`` for each claim.

    The pair with the most evidence comes first, since it may be the only one that states all of the claim, then those
    with the highest scores.

    Args:
        pairs: claims with their evidence.
        scores: a score for each pair, higher for likelier support.
        most: the number of pairs for each claim.
    """
    by_claim: defaultdict[str, list[int]] = defaultdict(list)
    for at, (claim, _) in enumerate(pairs):
        by_claim[claim].append(at)
    chosen: list[int] = []
    for places in by_claim.values():
        fullest = max(places, key=lambda at: (len(pairs[at][1]), scores[at]))
        others = sorted((at for at in places if at != fullest), key=lambda at: -scores[at])
        chosen += [fullest, *others][:most]
    return sorted(chosen)


def near_chunks(claim: str, chunks: Sequence[Chunk], most: int = MAX_NEAR_CHUNKS) -> list[Chunk]:
    """Return the ``most`` chunks that share the most rare words with ``claim``, in order.

    Of 600 true claims of the prose pairs, the passage of each is among the first 8 of 40 passages of the same source.
    """
    wanted = content_stems(claim)
    shared = [content_stems(f"{chunk.context} {chunk.text}") & wanted for chunk in chunks]
    counts = Counter(word for words in shared for word in words)
    scores = [sum(math.log(1 + len(chunks) / counts[word]) for word in words) for words in shared]
    nearest = sorted(range(len(chunks)), key=lambda at: -scores[at])[:most]
    return [chunks[at] for at in sorted(nearest)]
