"""An index whose vectors and catalogue are on a Chroma server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chroma_server import chroma_server

from rag.embedding import load_embedder
from rag.errors import CitebriefError
from rag.store import Index, IndexReport

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with chroma_server(tmp_path / "server") as address:
        yield address


def test_index_on_a_server_is_read_and_updated_from_two_machines(
    server: str,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    update_index: Callable[..., IndexReport],
    open_index: Callable[[str], Index],
) -> None:
    def documents() -> set[str]:
        index = open_index(server)
        return {chunk.document_id for chunk, _ in index.dense(index.embedder.embed_query("The Moon"), 5)}

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    assert update_index(server, directory).added == 3
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    assert documents() == {"canal.txt", "moon.md", "ozone.md"}
    (directory / "moon.md").unlink()
    assert update_index(server, directory).removed == 1
    published = open_index(server)._published
    parts = published._collection().get(include=[])["ids"]
    assert {id_.partition("/")[0] for id_ in parts} == {published.revision()}, "parts of the old revision must go"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    assert documents() == {"canal.txt", "ozone.md"}


def test_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(CitebriefError, match=r"Chroma at http://127\.0\.0\.1:9 cannot be opened"):
        Index.open("chroma+http://127.0.0.1:9", load_embedder("minilm"))
