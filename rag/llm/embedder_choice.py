"""The remote embedder that ``--embedder`` names: where its texts go, and what that costs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import UsageError
from rag.llm.address import OPENAI_URL, is_loopback, require_host
from rag.llm.pricing import PROSE_RATIO, Rates, find_rates

if TYPE_CHECKING:
    from rag.config import Settings

REMOTE_PREFIX = "openai:"
"""Start of the spec of an embedder that a server computes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingEstimate:
    """What an index run would embed. ``host`` is None if nothing leaves this machine, ``cost`` if it is unknown."""

    passages: int
    documents: int
    tokens: int
    model: str
    host: str | None
    cost: float | None

    def as_json(self) -> str:
        """Format the fields as one JSON object."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, ensure_ascii=False)

    def as_text(self) -> str:
        """Format the estimate as one line."""
        passages = f"{self.passages:,} passage{'' if self.passages == 1 else 's'}"
        documents = f"{self.documents:,} document{'' if self.documents == 1 else 's'}"
        what = f"{passages} of {documents}, about {self.tokens:,} tokens"
        go, are = ("goes", "is") if self.passages == 1 else ("go", "are")
        if self.host is None:
            return f"{what}, {are} embedded by {self.model} on this machine"
        cost = f"about ${self.cost:,.4f}" if self.cost is not None else "its price is not in the price table"
        return f"{what}, {go} to {self.model} at {self.host}: {cost}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderChoice:
    """A remote embedder. ``host`` is empty if there are only kept replies, ``rates`` None if the price is unknown."""

    model: str
    host: str
    loopback: bool
    rates: Rates | None

    @property
    def leaves(self) -> bool:
        """Whether the texts to embed leave this machine."""
        return bool(self.host) and not self.loopback

    def why(self, sent: str = "passages leave") -> str:
        """Return a sentence for the user, in which ``sent`` says what leaves this machine."""
        if not self.host:
            return f"{self.model}, from the replies that are kept: without a key, no request is sent"
        if self.loopback:
            return f"{self.model} at {self.host}, on this machine"
        price = f"${self.rates.prompt:g} per million tokens" if self.rates else "its price is not in the price table"
        return f"{self.model} at {self.host}: {sent} this machine; {price}"

    def estimate(self, *, passages: int, documents: int, tokens: int) -> EmbeddingEstimate:
        """Return the estimate for passages of so many ``tokens`` of the packaged encoder's tokenizer."""
        tokens = round(PROSE_RATIO * tokens)
        return EmbeddingEstimate(
            passages=passages,
            documents=documents,
            tokens=tokens,
            model=self.model,
            host=self.host if self.leaves else None,
            cost=self.rates.cost({"prompt": tokens}) if self.rates else None,
        )


def resolve_embedder(settings: Settings) -> EmbedderChoice | None:
    """Return the remote embedder that the settings name, or None if texts are embedded in this process.

    Raises:
        UsageError: there is no model, no key or no valid base URL, or the price file is not laid out as one.
    """
    model = remote_model(settings.embedder)
    if model is None:
        return None
    rates = find_rates(model, settings.prices, settings.openai_base_url)
    if not settings.openai_api_key and not settings.openai_base_url:
        if settings.replies:
            return EmbedderChoice(model=model, host="", loopback=False, rates=rates)
        raise missing_key(model)
    host = require_host(settings.openai_base_url or OPENAI_URL)
    return EmbedderChoice(model=model, host=host, loopback=is_loopback(host), rates=rates)


def missing_key(model: str) -> UsageError:
    """Return the error for a remote embedder that no request can be sent to."""
    return UsageError(
        f"--embedder {REMOTE_PREFIX}{model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none"
    )


def remote_model(spec: str) -> str | None:
    """Return the model of a remote embedder's spec, or None for another spec."""
    if not spec.startswith(REMOTE_PREFIX):
        return None
    if spec == REMOTE_PREFIX:
        raise UsageError(f"--embedder {spec}: name the model, as in {REMOTE_PREFIX}text-embedding-3-small")
    return spec.removeprefix(REMOTE_PREFIX)
