"""Fixtures of the tests of the transport: settings for a real server with faults, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer
from transport_calls import KEY, Connect

from rag.config import Settings, load_settings
from rag.llm import Budget, ChatClient, rates_of, resolve


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    """Return the settings of a remote model at a server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_PROXY", raising=False)

    def loaded(server: FaultServer, **flags: Any) -> Settings:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        return load_settings({"retries": 1, "timeout": 20, **flags})

    return loaded


@pytest.fixture
def connect(settings: Callable[..., Settings]) -> Iterator[Connect]:
    """Connect a remote model with a price and perhaps a budget to a server; it is closed after the test."""
    opened: list[ChatClient] = []

    def connected(
        server: FaultServer, *, budget_usd: float | None = None, model: str = "gpt-4.1-mini", **options: Any
    ) -> ChatClient:
        given = {name: options.pop(name) for name in ("concurrency", "on_wait") if name in options}
        loaded = settings(server, **options)
        choice = resolve(f"openai:{model}", loaded)
        given["budget"] = Budget(budget_usd, rates_of(choice, loaded), model=model)
        opened.append(ChatClient(choice, loaded, **given))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()
