"""What the tests of verifiers share: models behind scripted servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer

from rag.config import load_settings
from rag.llm import ChatClient, resolve


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[FaultServer], ChatClient]]:
    """Connect a remote model to a scripted server; it is closed after the test."""
    monkeypatch.chdir(tmp_path)
    opened: list[ChatClient] = []

    def connected(server: FaultServer) -> ChatClient:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        settings = load_settings({"retries": 0, "timeout": 20, "patience": 0})
        opened.append(ChatClient(resolve("openai:gpt-4.1-mini", settings), settings))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()
