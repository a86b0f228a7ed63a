"""Judges of support: the packaged verifier (``nli``) or a chat model (``llm``).

A judge has the methods of :class:`rag.verify.protocol.Verifier` except ``quotes``. A verdict is full, partial or none,
or None with a reason.
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
JUDGE_CALLS_IN_FLIGHT = 8
"""Maximum number of concurrent calls to a chat model that judges."""

JUDGE_REPLY_TOKENS = 60
"""Maximum length of a chat model's verdict."""


class Judge(Protocol):
    """Judges sentences against evidence. A verdict whose support is None gives the reason why there is none."""

    @property
    def name(self) -> str:
        """Name of the judge in the scorecard."""
        ...

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """Return a verdict for each pair of a sentence and the passages that must jointly support it."""
        ...

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        """Return a verdict for each pair of a sentence and the sentences that it must follow from."""
        ...


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    support: Support


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelJudge:
    """A chat model with ``prompts/judge.md``, one call for each pair. An unusable reply gives a verdict of None."""

    model: ChatModel

    @property
    def name(self) -> str:
        """See :class:`Judge`."""
        prompt = prompts.load_prompt("judge")
        return f"{self.model.name}, prompt judge/{prompt.version} {prompt.sha256[:8]}"

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        """See :class:`Judge`."""
        return self._judge_all(
            [(sentence, [f"[{chunk.context}]\n{chunk.text}" for chunk in chunks]) for sentence, chunks in pairs]
        )

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        """See :class:`Judge`."""
        return self._judge_all(pairs)

    def _judge_all(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        with ThreadPoolExecutor(JUDGE_CALLS_IN_FLIGHT) as pool:
            return list(pool.map(lambda pair: self._judge_one(*pair), pairs))

    def _judge_one(self, sentence: str, evidence: Sequence[str]) -> Verdict:
        if not any(text.strip() for text in evidence):
            return Verdict(support="none", score=0.0, judge=self.name, reason="no evidence")
        system, user = prompts.load_prompt("judge").render(evidence="\n\n".join(evidence), statement=sentence)
        try:
            reply = self.model.ask(system, user, _Reply, max_tokens=JUDGE_REPLY_TOKENS, name="judge")
        except ModelError as error:
            return Verdict(support=None, score=0.0, judge=self.name, reason=str(error))
        score = {"full": 1.0, "partial": 0.5, "none": 0.0}[reply.support]
        return Verdict(support=reply.support, score=score, judge=self.name)


def open_judge(name: str, settings: Settings) -> tuple[Judge, Callable[[], None]]:
    """Open the judge ``name``: ``nli``, or ``llm`` with the model that ``settings.llm`` names.

    Returns:
        The judge, and the function that closes it.

    Raises:
        UsageError: there is no judge of this name, or ``settings.llm`` names no model.
    """
    if name == "nli":
        from rag.verify import default_verifier

        return default_verifier(), lambda: None
    if name != "llm":
        raise UsageError(f"--judge {name}: not one of {', '.join(JUDGES)}")
    from rag.llm import ChatClient, resolve

    choice = resolve(settings.llm, settings)
    if choice.kind == "extractive":
        raise UsageError("--judge llm needs a model: --judge-llm openai:MODEL or local")
    model = ChatClient(choice, settings)
    return ModelJudge(model=model), model.close


def packaged_figures(judge: Judge) -> dict[str, Any] | None:
    """Return the packaged verifier's mean balanced accuracy over sources left out in turn; None for other judges."""
    directory = files("rag.verify.support") / "weights"
    if not judge.name.startswith(json.loads((directory / "config.json").read_text(encoding="utf-8"))["name"]):
        return None
    figures = json.loads((directory / "figures.json").read_text(encoding="utf-8"))
    return {
        "balanced_accuracy": figures["mean"]["balanced_accuracy"],
        "n": sum(source["n"] for source in figures["left_out"].values()),
        "measured_on": f"labelled pairs of {len(figures['left_out'])} sources, each left out of training in turn",
    }
