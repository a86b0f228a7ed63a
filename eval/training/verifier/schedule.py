"""What a training does at each point: a function of the share of its tokens that it has seen, so that runs repeat."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

LOWEST_RATE = 0.02
"""Share of the learning rate that is left at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Lasts ``until`` this share of all tokens; ``entailment`` is the share of batches from the public sets."""

    until: float
    entailment: float


DEFAULT_STAGES = (
    Stage(until=0.15, entailment=1.0),
    Stage(until=0.5, entailment=0.3),
    Stage(until=1.0, entailment=0.1),
)
"""General entailment first, then a mixture, prose last."""


def parse_stages(items: Sequence[str]) -> tuple[Stage, ...]:
    """Return the stages that ``UNTIL:ENTAILMENT`` items name.

    Raises:
        ValueError: an item is not of this form, the ends do not rise, or the last one is not 1.
    """
    stages: list[Stage] = []
    for item in items:
        until, _, share = item.partition(":")
        try:
            stage = Stage(until=float(until), entailment=float(share))
        except ValueError:
            raise ValueError(f"stage {item}: write UNTIL:ENTAILMENT, such as 0.15:1") from None
        if not 0 <= stage.entailment <= 1 or (stages and stage.until <= stages[-1].until):
            raise ValueError(f"stage {item}: its end must come after the one before, and its share lie in 0 to 1")
        stages.append(stage)
    if not stages or stages[-1].until != 1:
        raise ValueError("the last stage must end at 1")
    return tuple(stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Learning rate and source of each batch.

    Args:
        rate: the highest learning rate.
        warmup: steps in which it rises.
        decay: share of the tokens from which it falls, linearly, to :data:`LOWEST_RATE` of it.
        stages: see :class:`Stage`.
        seed: of the sources of the batches.
    """

    rate: float
    warmup: int
    decay: float
    stages: tuple[Stage, ...] = DEFAULT_STAGES
    seed: int = 1

    def learning_rate(self, step: int, progress: float) -> float:
        """Return the learning rate of ``step`` (from 0), which begins at this share of the tokens."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        falling = 1.0 if progress < self.decay else max(LOWEST_RATE, (1 - progress) / (1 - self.decay))
        return self.rate * rising * falling

    def is_entailment(self, step: int, progress: float) -> bool:
        """Return whether the batch of ``step`` comes from the public sets."""
        stage = next((stage for stage in self.stages if progress < stage.until), self.stages[-1])
        return random.Random(f"{self.seed} {step}").random() < stage.entailment
