"""Choose which of many pairs with the same claim are worth a call to a chat model.

A search for a better citation pairs one claim with every retrieved chunk. A chat model reads only the most promising
of these pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

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
