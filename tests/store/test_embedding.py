"""The writer embeds what is not stored, in batches of similar length, and passes on errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rag._internal.ids import chunk_id
from rag.store import VectorStore
from rag.store.embedding import ChunkWriter
from rag.types import Chunk

pytestmark = pytest.mark.integration

MakeWriter = Callable[[], ChunkWriter]


class RecordingEmbedder:
    """Keeps the texts of each call; the vector of a text has its length, and a text without letters is an error."""

    name = "recording"
    batch_size = 2

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        if not all(text.isalpha() for text in texts):
            raise ValueError("no letters")
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    def embed_query(self, text: str) -> list[float]:
        return [float(x) for x in self.vectors([text])[0]]


def window(*texts: str) -> dict[str, tuple[str, Chunk]]:
    """A window of chunks with these texts, whose record ids are the texts too."""
    return {
        text: (
            text,
            Chunk(
                id=chunk_id("a.md", 0, text), document_id="a.md", text=text, start=0, end=len(text), heading_path=(),
                pages=None, title="A", source="a.md", date=None,
            ),
        )
        for text in texts
    }  # fmt: skip


@pytest.fixture
def vectors(store: str) -> VectorStore:
    return VectorStore(store)


def test_only_what_is_not_stored_is_embedded_in_batches_by_length(vectors: VectorStore) -> None:
    embedder, progress = RecordingEmbedder(), list[tuple[int, int]]()
    writer = ChunkWriter(embedder, lambda: vectors, lambda: progress.append((writer.embedded, writer.waiting)))
    writer.start(window("bb"))
    writer.start(window("dddd", "bb", "a", "ccc"))
    writer.wait()
    assert embedder.calls == [["bb"], ["a", "ccc"], ["dddd"]]
    assert progress == [(1, 0), (3, 1), (4, 0)]
    assert vectors.has(["a", "bb", "ccc", "dddd"]) == {"a", "bb", "ccc", "dddd"}


def test_an_error_of_the_embedder_is_raised_where_the_window_is_waited_for(vectors: VectorStore) -> None:
    writer = ChunkWriter(RecordingEmbedder(), lambda: vectors, lambda: None)
    writer.start(window("a", "?"))
    with pytest.raises(ValueError, match="no letters"):
        writer.wait()
    assert writer.idle
    assert writer.embedded == 0


def test_a_stopped_writer_ends_after_its_current_batch(vectors: VectorStore) -> None:
    embedder = RecordingEmbedder()

    def stop() -> None:
        writer.stop()

    writer = ChunkWriter(embedder, lambda: vectors, stop)
    writer.start(window("a", "bb", "ccc", "dddd"))
    writer.wait()
    assert embedder.calls == [["a", "bb"]]
