"""Opens the embedder that ``--embedder`` names, in this process or on a server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rag.embedding import load_embedder
from rag.llm.embedder_choice import remote_model

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.embedding import Embedder
    from rag.llm.budget import Budget
    from rag.llm.embeddings import RemoteEmbedder
    from rag.llm.pricing import Rates

_SHARED_BY = (
    "embedder openai_api_key openai_base_url openai_proxy timeout retries rpm tpm patience replies prices".split()
)
"""The settings that decide whether two callers can share a remote embedder."""

_shared: dict[tuple[object, ...], RemoteEmbedder] = {}
_opening = threading.Lock()


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder that the settings name. Equal settings give the same one, which threads may share.

    It loads no model and opens no connection before the first text is embedded.

    Raises:
        UsageError: the spec names no embedder, or its model is not installed.
    """
    if remote_model(settings.embedder) is None:
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
    model = remote_model(settings.embedder)
    if model is None:
        return None
    from rag.llm.embeddings import RemoteEmbedder

    return RemoteEmbedder(model, settings, budget=budget, rates=rates)
