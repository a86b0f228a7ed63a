"""Progress of an answer or an index, as values that a display can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rag.types import Brief

Stage = Literal["load", "read", "embed", "retrieve", "plan", "write", "wait", "check", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is being done: ``done`` of ``total`` steps of ``stage``; ``brief`` is the draft as it stands, if any."""

    stage: Stage
    message: str
    done: int | None = None
    total: int | None = None
    brief: Brief | None = None


OnProgress = Callable[[Step], None]
