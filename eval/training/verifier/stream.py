"""Endless batches of packs, pass after pass, that can go on from any place."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from .examples import Example
from .packing import Packer, TrainingPack, batches

ReadPass = Callable[[random.Random], list[Example]]
"""Reads the examples of one pass; the random choices in it are those of its argument."""


class BatchStream:
    """Batches of one kind of examples. Pass and batch depend on the seed and the place only."""

    def __init__(self, name: str, read: ReadPass, packer: Packer, tokens: int, seed: int) -> None:
        """Batches have at most ``tokens`` tokens. ``name`` tells the streams of one seed apart."""
        self.name = name
        self._read = read
        self._packer = packer
        self._tokens = tokens
        self._seed = seed
        self._pass = 0
        self._at = 0
        self._packs: list[TrainingPack] = []
        self._batches: list[list[int]] | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Pass and batch in it that come next."""
        return self._pass, self._at

    def move_to(self, place: tuple[int, int]) -> None:
        """Go on from ``place``."""
        self._pass, self._at = place
        self._batches = None

    def next_batch(self) -> Sequence[TrainingPack]:
        """Return the next batch.

        Raises:
            ValueError: a pass has no examples.
        """
        if self._batches is None:
            self._begin_pass()
        assert self._batches is not None
        if self._at >= len(self._batches):
            self._pass, self._at = self._pass + 1, 0
            self._begin_pass()
        batch = self._batches[self._at]
        self._at += 1
        return [self._packs[index] for index in batch]

    def _begin_pass(self) -> None:
        rng = random.Random(f"{self._seed} {self.name} {self._pass}")
        self._packs = self._packer.pack(self._read(rng))
        if not self._packs:
            raise ValueError(f"{self.name}: no examples")
        self._batches = batches([pack.pack.length for pack in self._packs], self._tokens, rng)
