"""citebrief without a model: ``citebrief ask --llm extractive``."""

from __future__ import annotations

from .citebrief_cli import CitebriefCommand
from .interface import Options


def create(options: Options) -> CitebriefCommand:
    """Return the system that copies sentences and calls no model."""
    return CitebriefCommand("extractive")
