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

    def __init__(self, name: str, read: ReadPass, packer: Packer, tokens: int, seed: int, variants: int = 0) -> None:
        """Prepare the stream; nothing is read yet.

        Args:
            name: tells the streams of one seed apart.
            read: see :data:`ReadPass`.
            packer: makes packs of what was read.
            tokens: of a batch at the most.
            seed: of all random choices.
            variants: how many passes differ in their examples, after which the first ones come again in another order;
                0 for all.
        """
        self.name = name
        self._read = read
        self._packer = packer
        self._tokens = tokens
        self._seed = seed
        self.variants = variants
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
        variant = self._pass % self.variants if self.variants else self._pass
        self._packs = self._packer.pack(self._read(random.Random(f"{self._seed} {self.name} {variant}")))
        if not self._packs:
            raise ValueError(f"{self.name}: no examples")
        rng = random.Random(f"{self._seed} {self.name} order {self._pass}")
        self._batches = batches([pack.pack.length for pack in self._packs], self._tokens, rng)
