"""PaperQA without its summaries: one call of the model instead of eleven, from the five best chunks themselves."""

from __future__ import annotations

from .interface import Options
from .paperqa_docs import PaperQA


def create(options: Options) -> PaperQA:
    """Return the system; imports its packages."""
    return PaperQA(options, summaries=False)
