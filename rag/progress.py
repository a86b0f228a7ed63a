"""Progress of answering or indexing, as values that a display can show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rag.types import Brief

Stage = Literal["load", "read", "embed", "retrieve", "plan", "write", "wait", "check"]
"""A stage of the work; ``plan`` makes the outline. Traces store these names (``Trace.seconds``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the work: ``done`` of ``total`` units of ``stage``; ``brief`` is the verified draft so far, if any.

    ``speed`` is in words, as :class:`Throughput` gives it.
    """

    stage: Stage
    message: str
    done: int | None = None
    total: int | None = None
    speed: str = ""
    brief: Brief | None = None


OnProgress = Callable[[Step], None]
"""Called at the start of each step, in the thread that does the work."""


class Throughput:
    """Units of work a second, and the time that is left.

    Measured from the first units that are done on, because what comes before includes the loading of a model.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None

    def describe(self, done: int, total: int | None = None) -> str:
        """Return the speed and, if there is a ``total``, the time left, as in "63 a second, 5 min left".

        Empty as long as the speed is unknown.
        """
        now = self._clock()
        if self._first is None:
            if done:
                self._first = now, done
            return ""
        began, before = self._first
        if done <= before or now <= began:
            return ""
        rate = (done - before) / (now - began)
        speed = f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.1f} a second"
        return speed if total is None or total <= done else f"{speed}, {_duration((total - done) / rate)} left"


def _duration(seconds: float) -> str:
    """Return a duration in its largest unit."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
