"""A model's spec, such as ``openai:gpt-4.1-mini`` or ``local``, resolved to a model that can be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag.errors import UsageError
from rag.llm import local_model
from rag.llm.address import OPENAI_URL, is_loopback, require_host
from rag.llm.pricing import FREE, Rates, find_rates
from rag.llm.reasoning import reply_limit

if TYPE_CHECKING:
    from rag.config import Settings

BRIEF_TOKENS = {"prompt": 38_000, "completion": 3_000}
"""Tokens of a brief that a large model writes and helps to verify, for the estimate before the first call.

Of four briefs over four collections: prompts of 33,000 to 42,000 tokens, schemas included, replies of 2,000 to 2,600.
"""

BRIEF_CALLS = 6
"""Calls for such a brief: its queries, the choice of passages, the brief, its correction, and two that verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """The model to be used. ``why`` is a sentence for the user; ``path`` is the file of a local model."""

    kind: Literal["openai", "local", "extractive"]
    name: str
    why: str
    path: Path | None = None

    @property
    def spec(self) -> str:
        """The spec that names this model and no other."""
        if self.kind == "openai":
            return f"openai:{self.name}"
        return f"local:{self.path}" if self.path else self.kind


def resolve(spec: str, settings: Settings, *, option: str = "--llm ") -> ModelChoice:
    """Return the model that a spec names.

    Args:
        spec: ``auto``, ``openai:MODEL``, ``local``, ``local:PATH.gguf`` or ``extractive``.
        settings: the key, base URL and price file.
        option: what stands before the spec on the command line, for messages.

    Raises:
        UsageError: there is no such spec, no key for it, or no such file.
    """
    if spec == "auto":
        if settings.openai_api_key or settings.openai_base_url:
            return _resolve_openai(settings.openai_model, settings, option)
        return resolve("local" if local_model.installed() else "extractive", settings, option=option)
    if spec.startswith("openai:") and spec != "openai:":
        return _resolve_openai(spec.removeprefix("openai:"), settings, option)
    if spec == "local":
        if not local_model.installed():
            raise UsageError(f"{option}local: the local model is not installed: {local_model.INSTALL_LOCAL}")
        return ModelChoice(kind="local", name=local_model.MODEL_NAME, why=f"{local_model.MODEL_NAME}, on this machine")
    if spec.startswith("local:"):
        path = Path(spec.removeprefix("local:")).expanduser()
        if not path.is_file():
            raise UsageError(f"{option}{spec}: no such file")
        return ModelChoice(kind="local", name=path.stem, why=f"{path}, on this machine", path=path)
    if spec == "extractive":
        return ModelChoice(kind="extractive", name="extractive", why="no model: the best evidence sentences as quotes")
    raise UsageError(f"{option}{spec}: not one of auto, openai:MODEL, local, local:PATH.gguf, extractive")


def rates_of(choice: ModelChoice, settings: Settings) -> Rates | None:
    """Return the model's prices, which are 0 for a model on this machine; None if they are unknown.

    Raises:
        UsageError: the price file is not laid out as one.
    """
    if choice.kind != "openai":
        return FREE
    return find_rates(choice.name, settings.prices, settings.openai_base_url)


def _resolve_openai(model: str, settings: Settings, option: str) -> ModelChoice:
    base_url = settings.openai_base_url or OPENAI_URL
    if not settings.openai_api_key and not settings.openai_base_url:
        if settings.replies:
            why = f"{model}, from the replies kept in {settings.replies}: without a key, no request is sent"
            return ModelChoice(kind="openai", name=model, why=why)
        raise UsageError(f"{option}openai:{model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none")
    host = require_host(base_url)
    if is_loopback(host):
        return ModelChoice(kind="openai", name=model, why=f"{model} at {host}, on this machine")
    rates = find_rates(model, settings.prices, settings.openai_base_url)
    expected = _brief_cost(model, rates) if rates else "its price is not in the price table"
    return ModelChoice(kind="openai", name=model, why=f"{model} at {host}: passages leave this machine; {expected}")


def _brief_cost(model: str, rates: Rates) -> str:
    cost = f"about ${rates.cost(BRIEF_TOKENS):.3f} a brief"
    reasoning = BRIEF_CALLS * reply_limit(model, 0)
    if not reasoning:
        return cost
    most = {**BRIEF_TOKENS, "completion": BRIEF_TOKENS["completion"] + reasoning}
    return f"{cost}, and up to ${rates.cost(most):.3f} with what it reasons"
