"""Groups to train on: a query, a passage that answers it, and passages that retrieval finds and that do not."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .collection import NONE
from .mined import MinedQuery

NEAR_MISSES = 2
"""Passages labelled as only seeming to answer that a group has at the most."""

TOP = 12
"""Half of the negatives come from the first candidates, the others from those behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A query and passages by id. The first has ``label``; the others do not answer.

    A query without an answer has no label: its first passage does not answer either.
    """

    query: MinedQuery
    passages: tuple[str, ...]
    label: float


def draw_group(query: MinedQuery, negatives: int, rng: random.Random) -> Group | None:
    """Return a group of ``query`` with up to ``negatives`` passages that do not answer; None if there is none."""
    positives = [id_ for id_, label in query.labels.items() if label > NONE]
    near_misses = [id_ for id_, label in query.labels.items() if label == NONE]
    others = [id_ for id_ in query.candidates if id_ not in query.labels and id_ not in query.unknown]
    drawn = rng.sample(near_misses, min(NEAR_MISSES, len(near_misses)))
    top, rest = others[:TOP], others[TOP:]
    wanted = negatives + (not positives) - len(drawn)
    from_top = min(len(top), max(wanted // 2 + wanted % 2, wanted - len(rest)))
    drawn += rng.sample(top, from_top)
    drawn += rng.sample(rest, min(len(rest), wanted - from_top))
    if not drawn:
        return None
    if not positives:
        return Group(query=query, passages=tuple(drawn), label=NONE)
    positive = rng.choice(positives)
    return Group(query=query, passages=(positive, *drawn), label=query.labels[positive])


class GroupStream:
    """Endless groups, pass after pass, in batches. A pass and a batch depend on the seed and the place only."""

    def __init__(
        self,
        queries: Mapping[str, Sequence[MinedQuery]],
        mixture: Mapping[str, int],
        *,
        negatives: int,
        batch: int,
        seed: int,
    ) -> None:
        """Prepare the stream.

        Args:
            queries: to train on, by collection.
            mixture: queries of each collection in a pass; 0 stands for all, more than there are for repetitions.
            negatives: passages of a group that do not answer.
            batch: groups of a batch.
            seed: of all random choices.

        Raises:
            ValueError: the mixture names a collection that is not there, or there are no queries.
        """
        if missing := [name for name in mixture if not queries.get(name)]:
            raise ValueError(f"no queries of {missing[0]}: prepare it, or leave it out of --mixture")
        if not mixture:
            raise ValueError("no collection to train on: prepare one")
        self._queries = queries
        self._mixture = mixture
        self._negatives = negatives
        self._batch = batch
        self._seed = seed
        self._pass = 0
        self._at = 0
        self._groups: list[Group] | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Pass, and the group in it that comes next."""
        return self._pass, self._at

    def move_to(self, place: tuple[int, int]) -> None:
        """Go on from ``place``."""
        self._pass, self._at = place
        self._groups = None

    def next_batch(self) -> list[Group]:
        """Return the next groups, fewer at the end of a pass."""
        if self._groups is None:
            self._groups = self._draw_pass()
        if self._at >= len(self._groups):
            self._pass, self._at = self._pass + 1, 0
            self._groups = self._draw_pass()
        batch = self._groups[self._at : self._at + self._batch]
        self._at += len(batch)
        return batch

    def _draw_pass(self) -> list[Group]:
        rng = random.Random(f"{self._seed} {self._pass}")
        groups = []
        for name, count in self._mixture.items():
            queries = self._queries[name]
            wanted = count or len(queries)
            for start in range(0, wanted, len(queries)):
                for query in rng.sample(queries, min(len(queries), wanted - start)):
                    group = draw_group(query, self._negatives, rng)
                    if group is not None:
                        groups.append(group)
        if not groups:
            raise ValueError("no query has a passage to train on")
        rng.shuffle(groups)
        return groups
