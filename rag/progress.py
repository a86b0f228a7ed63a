"""Progress of answering or indexing, as values that a display can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rag.types import Brief

Stage = Literal["load", "read", "embed", "retrieve", "plan", "write", "wait", "check", "done"]
"""A stage of the work; ``plan`` makes the outline. Traces store these names (``Trace.seconds``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the work: ``done`` of ``total`` units of ``stage``; ``brief`` is the verified draft so far, if any."""

    stage: Stage
    message: str
    done: int | None = None
    total: int | None = None
    brief: Brief | None = None


OnProgress = Callable[[Step], None]
"""Called at the start of each step, in the thread that does the work."""
