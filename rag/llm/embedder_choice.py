"""The embedder that ``--embedder`` names: where its texts go, what that costs, and how it is opened."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.embedding import load_embedder
from rag.errors import UsageError
from rag.llm.address import OPENAI_URL, is_loopback, require_host
from rag.llm.pricing import PROSE_RATIO, Rates, find_rates

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.embedding import Embedder
    from rag.llm.budget import Budget
    from rag.llm.embeddings import RemoteEmbedder

PREFIX = "openai:"
"""Start of the spec of an embedder that a server computes."""

_SHARED_BY = (
    "embedder openai_api_key openai_base_url openai_proxy timeout retries rpm tpm patience replies prices".split()
)
"""The settings that decide whether two callers can share a remote embedder."""

_shared: dict[tuple[object, ...], RemoteEmbedder] = {}
_opening = threading.Lock()


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
    model = _remote_model(settings.embedder)
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
        f"--embedder {PREFIX}{model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none"
    )


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder that the settings name. Equal settings give the same one, which threads may share.

    It loads no model and opens no connection before the first text is embedded.

    Raises:
        UsageError: the spec names no embedder, or its model is not installed.
    """
    if not settings.embedder.startswith(PREFIX):
        return load_embedder(settings.embedder)
    key = tuple(getattr(settings, name) for name in _SHARED_BY)
    with _opening:
        if key not in _shared and (embedder := open_remote_embedder(settings)):
            _shared[key] = embedder
        return _shared[key]


def open_remote_embedder(
    settings: Settings, *, budget: Budget | None = None, rates: Rates | None = None
) -> RemoteEmbedder | None:
    """Return a remote embedder of the caller's own, to be closed by it; None if the settings name a local one.

    Args:
        settings: the spec, key, server and limits.
        budget: the spending limit; by default there is none.
        rates: the model's prices; by default those of the price table.

    Raises:
        UsageError: the spec names no model, or there is a spending limit and no price to hold it by.
    """
    model = _remote_model(settings.embedder)
    if model is None:
        return None
    from rag.llm.embeddings import RemoteEmbedder

    return RemoteEmbedder(model, settings, budget=budget, rates=rates)


def _remote_model(spec: str) -> str | None:
    """Return the model of a remote embedder's spec, or None for another spec."""
    if not spec.startswith(PREFIX):
        return None
    if spec == PREFIX:
        raise UsageError(f"--embedder {spec}: name the model, as in {PREFIX}text-embedding-3-small")
    return spec.removeprefix(PREFIX)
