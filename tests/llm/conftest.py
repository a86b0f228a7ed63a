"""Fixtures of the tests of compatibility: a client of a scripted server, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer
from server_forms import KEY, Connect

from rag.config import load_settings
from rag.llm import ChatClient, resolve


@pytest.fixture
def said() -> list[str]:
    """What the clients of :func:`connect` say while a call waits or changes its form."""
    return []


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: list[str]) -> Iterator[Connect]:
    """Connect a remote model to a scripted server; it is closed after the test."""
    monkeypatch.chdir(tmp_path)
    opened: list[ChatClient] = []

    def connected(server: FaultServer, model: str = "m", **flags: Any) -> ChatClient:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        settings = load_settings({"retries": 0, "timeout": 20, **flags})
        opened.append(ChatClient(resolve(f"openai:{model}", settings), settings, on_wait=said.append))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()
