"""Judges of support: any verifier by its spec (``rag/verify/spec.py``).

A judge has the methods of :class:`rag.verify.protocol.Verifier` except ``quotes``. A verdict is full, partial or none,
or None with a reason.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol

from rag.errors import UsageError
from rag.types import Verdict
from rag.verify import Premise, SupportVerifier, open_verifier

if TYPE_CHECKING:
    from rag.config import Settings

DEFAULT_JUDGE = "support"
"""Spec of the judge, unless another one is chosen. The setting ``verifier`` decides what is printed, not the scores."""

JUDGE_ALIASES = ("nli", "llm")
"""Names of judges that ``--judge`` takes, for ``support`` and for ``llm:SPEC``."""


class Judge(Protocol):
    """Judges sentences against evidence. A verdict whose support is None gives the reason why there is none."""

    @property
    def name(self) -> str:
        """Name of the judge in the scorecard."""
        ...

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        """Return a verdict for each pair of a sentence and the passages or sentences that must jointly support it."""
        ...


def judge_spec(verifier: str | None, judge: str | None = None, judge_llm: str | None = None) -> str:
    """Return the spec of the judge that the options name; ``judge`` and ``judge_llm`` are the older ones.

    Raises:
        UsageError: both ``verifier`` and ``judge`` are given, or there is no judge of this name.
    """
    if judge is None:
        return verifier or DEFAULT_JUDGE
    if verifier is not None:
        raise UsageError(f"--judge {judge} and --verifier {verifier} both name the judge: give one of them")
    if judge not in JUDGE_ALIASES:
        raise UsageError(f"--judge {judge}: not one of {', '.join(JUDGE_ALIASES)}")
    return DEFAULT_JUDGE if judge == "nli" else f"llm:{judge_llm or 'auto'}"


def open_judge(spec: str, settings: Settings) -> AbstractContextManager[Judge]:
    """Open the verifier that ``spec`` names as a judge for a block.

    It gives a verdict on every pair, and leaves those unscored on which a call to a chat model fails.

    Raises:
        UsageError: there is no such spec, or its model cannot be used.
    """
    return open_verifier(spec, settings, candidates=None, tolerant=True)


def packaged_figures(judge: Judge) -> dict[str, Any] | None:
    """Return the packaged verifier's mean balanced accuracy over its test sets; None for other judges.

    ``figures.json`` has ``{"sets": {NAME: {"n": pairs, "balanced_accuracy": from 0 to 1}}}``; a set may have more.
    """
    if not isinstance(judge, SupportVerifier):
        return None
    directory = files("rag.verify.support") / "weights"
    figures = json.loads((directory / "figures.json").read_text(encoding="utf-8"))
    sets = figures["sets"].values()
    return {
        "balanced_accuracy": round(sum(each["balanced_accuracy"] for each in sets) / len(sets), 4),
        "n": sum(each["n"] for each in sets),
        "measured_on": f"labelled pairs of {len(sets)} sets that were left out of training",
    }
