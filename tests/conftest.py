"""Fixtures of all tests: no network beyond loopback, and session-wide instances of what is slow to create."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm import ChatClient
    from rag.store import Index

CORPUS = Path(__file__).parent.parent / "corpus"


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse connections and look-ups beyond loopback, and fail a test that tries one, even if it ignores the error."""
    refused: list[str] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse(host: object) -> None:
        if not _on_loopback(host):
            refused.append(str(host))
            raise ConnectionRefusedError(f"tests reach loopback only, not {host}")

    def guarded(real: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                refuse(address[0])
            return real(self, address)

        return call

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse(host)
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    assert not refused, f"connections beyond loopback: {refused}"


@pytest.fixture(autouse=True)
def new_servers() -> None:
    """Forget what servers of earlier tests take, since a port may be used again."""
    if "rag.llm.capabilities" in sys.modules:
        sys.modules["rag.llm.capabilities"].forget_capabilities()


def _on_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def local_model() -> Iterator[ChatClient]:
    """The packaged local model, started once per session."""
    from rag.config import load_settings
    from rag.llm import ChatClient, resolve
    from rag.llm import local_model as packaged

    if not packaged.installed():
        pytest.skip(f"the local model is not installed ({packaged.INSTALL_LOCAL})")
    # One thread, because two that wait for each other are very slow where the cores are shared, as in CI.
    settings = load_settings({"threads": 1})
    with ChatClient(resolve("local", settings), settings) as model:
        yield model


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of an index of corpus/, built once per session; tests must not change the index."""
    from rag import pipeline
    from rag.config import load_settings

    found = load_settings({"store": str(tmp_path_factory.mktemp("corpus") / "store"), "llm": "extractive"})
    pipeline.index([str(CORPUS)], found)
    return found


@pytest.fixture(scope="session")
def corpus_index(corpus: Settings) -> Iterator[Index]:
    """The open index of :func:`corpus`."""
    from rag.embedding import load_encoder
    from rag.store import Index

    found = Index.open(corpus.store, load_encoder())
    yield found
    found.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of the unit lane in which a test loaded torch: that test belongs to the integration lane."""
    if "not integration" in session.config.getoption("-m") and "torch" in sys.modules:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\na unit test loaded torch: mark it with @pytest.mark.integration", file=sys.stderr)
