"""Who says whether passages support a sentence: the shipped verifier (``nli``), or a large model (``llm``).

A judge is a :class:`rag.verify.verifier.Verifier` without its quotes: it says full, partial or none, or nothing with a reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

from rag.errors import ModelError, UsageError
from rag.llm import prompts
from rag.types import Chunk, Support, Verdict

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm import ChatModel

JUDGES = ("nli", "llm")
JUDGED_IN_FLIGHT = 8
"""Calls to a remote judge that overlap."""

REPLY_TOKENS = 60


class Judge(Protocol):
    """Judges sentences against evidence. A verdict of None could not be had; it says why."""

    @property
    def name(self) -> str:
        """What it is, for the scorecard."""
        ...

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """A verdict for each (sentence, passages taken together)."""
        ...

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        """A verdict for each (sentence, sentences that it is to follow from)."""
        ...


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    support: Support


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelJudge:
    """A chat model with ``prompts/judge.md``, one call a pair. A reply that cannot be used gives no verdict."""

    model: ChatModel

    @property
    def name(self) -> str:
        """See :class:`Judge`."""
        prompt = prompts.load_prompt("judge")
        return f"{self.model.name}, prompt judge/{prompt.version} {prompt.sha256[:8]}"

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """See :class:`Judge`."""
        return self._each(
            [(sentence, [f"[{chunk.context}]\n{chunk.text}" for chunk in chunks]) for sentence, chunks in pairs]
        )

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        """See :class:`Judge`."""
        return self._each(pairs)

    def _each(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        with ThreadPoolExecutor(JUDGED_IN_FLIGHT) as pool:
            return list(pool.map(lambda pair: self._one(*pair), pairs))

    def _one(self, sentence: str, evidence: Sequence[str]) -> Verdict:
        if not any(text.strip() for text in evidence):
            return Verdict(support="none", score=0.0, judge=self.name, reason="no evidence")
        system, user = prompts.load_prompt("judge").render(evidence="\n\n".join(evidence), statement=sentence)
        try:
            reply = self.model.ask(system, user, _Reply, max_tokens=REPLY_TOKENS, name="judge")
        except ModelError as error:
            return Verdict(support=None, score=0.0, judge=self.name, reason=str(error))
        score = {"full": 1.0, "partial": 0.5, "none": 0.0}[reply.support]
        return Verdict(support=reply.support, score=score, judge=self.name)


def open_judge(name: str, settings: Settings) -> tuple[Judge, Callable[[], None]]:
    """The judge ``name``, ``nli`` or ``llm`` (the model that ``settings.llm`` names), and what closes it.

    Raises:
        UsageError: no such judge, or no model for it.
    """
    if name == "nli":
        from rag.verify.verifier import default_verifier

        return default_verifier(), lambda: None
    if name != "llm":
        raise UsageError(f"--judge {name}: not one of {', '.join(JUDGES)}")
    from rag.llm import ChatClient, resolve

    choice = resolve(settings.llm, settings)
    if choice.kind == "extractive":
        raise UsageError("--judge llm needs a model: --judge-llm openai:MODEL or local")
    model = ChatClient(choice, settings)
    return ModelJudge(model=model), model.close


def shipped_figures(judge: Judge) -> dict[str, Any] | None:
    """What is known of the shipped verifier: its mean balanced accuracy over sets left out in turn. None of others."""
    directory = files("rag.verify.support") / "weights"
    if not judge.name.startswith(json.loads((directory / "config.json").read_text(encoding="utf-8"))["name"]):
        return None
    figures = json.loads((directory / "figures.json").read_text(encoding="utf-8"))
    return {
        "balanced_accuracy": figures["mean"]["balanced_accuracy"],
        "n": sum(each["n"] for each in figures["left_out"].values()),
        "measured_on": f"labelled pairs of {len(figures['left_out'])} sources, each left out of training in turn",
    }
