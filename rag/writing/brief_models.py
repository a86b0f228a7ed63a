"""The models that write and verify one brief, and what they have spent."""

from __future__ import annotations

from dataclasses import dataclass

from rag.llm import ChatClient
from rag.verify import Verifier

TOKEN_KINDS = ("prompt", "cached", "completion", "calls", "replayed")
"""The counts of :attr:`rag.llm.chat_model.ChatModel.tokens` that a trace records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefModels:
    """What writes and verifies one brief. ``verifier_model`` is the verifier's chat model, or ``writer`` again."""

    writer: ChatClient
    verifier_model: ChatClient
    verifier: Verifier

    def spent(self) -> tuple[float, dict[str, int], float | None]:
        """Return the seconds, tokens and US dollars of all calls; None dollars if a price is unknown."""
        models = (self.writer,) if self.verifier_model is self.writer else (self.writer, self.verifier_model)
        costs = [model.cost for model in models]
        tokens = {kind: sum(model.tokens[kind] for model in models) for kind in TOKEN_KINDS}
        known = [cost for cost in costs if cost is not None]
        return sum(model.seconds for model in models), tokens, sum(known) if len(known) == len(costs) else None
