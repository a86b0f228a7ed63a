"""What the tests of the writers share: two documents on a pier, and models behind a scripted server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from briefs import chunk
from fault_server import FaultServer
from pier_brief import Compose, scripted_composition

from rag.config import load_settings
from rag.llm import ChatClient, resolve
from rag.types import Chunk
from rag.writing.evidence import EvidenceSentence
from rag.writing.model_calls import clean_sentences
from rag.writing.outline import OutlineSection


@pytest.fixture
def meeting() -> Chunk:
    return chunk(
        "oslo.md",
        "The harbour board of Oslo met on 3 May 2011 to consider the pier. The board's vote on the pier was secret.",
    )


@pytest.fixture
def cost() -> Chunk:
    return chunk("costs.md", "The pier in Oslo cost 41 million kroner, the city's auditor found in 2014.")


@pytest.fixture
def section(meeting: Chunk, cost: Chunk) -> OutlineSection:
    """A section on the pier: both sentences of ``meeting``, then the one of ``cost``."""
    evidence = tuple(
        EvidenceSentence(
            text=text, chunk=source, start=source.text.index(text), end=source.text.index(text) + len(text)
        )
        for source in (meeting, cost)
        for text in clean_sentences(source.text)
    )
    return OutlineSection(heading="The pier", evidence=evidence)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[FaultServer], ChatClient]]:
    """Connect a remote model to a scripted server; it is closed after the test."""
    monkeypatch.chdir(tmp_path)
    opened: list[ChatClient] = []

    def connected(server: FaultServer) -> ChatClient:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        settings = load_settings({"retries": 0, "timeout": 20})
        opened.append(ChatClient(resolve("openai:gpt-4.1-mini", settings), settings))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()


@pytest.fixture
def composed(connect: Callable[[FaultServer], ChatClient]) -> Compose:
    """Compose the brief of :mod:`pier_brief`; returns it with the requests."""
    return scripted_composition(connect)
