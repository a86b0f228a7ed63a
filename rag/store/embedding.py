"""Embeds chunks and stores their vectors in a thread of its own, while the caller reads further documents."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice

from rag._internal.concurrency import start_all
from rag.embedding import Embedder
from rag.store.vectors import VectorStore
from rag.types import Chunk

Window = Mapping[str, tuple[str, Chunk]]
"""``(text to embed, chunk)`` by record id."""


class ChunkWriter:
    """Embeds and stores windows of chunks, one window at a time.

    Args:
        open_vectors: returns the vector store; called when the first window is stored.
        on_batch: called, in the thread of the writer, when a batch of a window is stored.

    Attributes:
        embedded: chunks that were embedded and stored.
        waiting: chunks of the current window that are neither stored nor found in the store.
    """

    def __init__(
        self, embedder: Embedder, open_vectors: Callable[[], VectorStore], on_batch: Callable[[], None]
    ) -> None:
        self.embedded = 0
        self.waiting = 0
        self._embedder = embedder
        self._open_vectors = open_vectors
        self._on_batch = on_batch
        self._result: Callable[[], None] | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._stopped = threading.Event()

    @property
    def idle(self) -> bool:
        """Whether the last window has ended, so that :meth:`start` does not wait."""
        return self._idle.is_set()

    def start(self, window: Window) -> None:
        """Wait for the last window, then embed and store what of ``window`` the vector store does not have.

        Raises:
            Exception: what the embedder or the vector store raised on the last window.
        """
        self.wait()
        self._idle.clear()
        self.waiting = len(window)
        (self._result,) = start_all([partial(self._write, window)])

    def wait(self) -> None:
        """Wait for the last window.

        Raises:
            Exception: what the embedder or the vector store raised on it.
        """
        result, self._result = self._result, None
        if result:
            result()

    def stop(self) -> None:
        """Make the current window end after its current batch."""
        self._stopped.set()

    def _write(self, window: Window) -> None:
        try:
            stored = self._open_vectors().has(list(window))
            # Texts of similar length in a batch need little padding.
            rest = iter(sorted(window.keys() - stored, key=lambda record: (len(window[record][0]), record)))
            self.waiting -= len(stored)
            while (batch := list(islice(rest, self._embedder.batch_size))) and not self._stopped.is_set():
                vectors = self._embedder.vectors([window[record][0] for record in batch])
                self._open_vectors().add(batch, vectors, [window[record][1] for record in batch])
                self.embedded += len(batch)
                self.waiting -= len(batch)
                self._on_batch()
        finally:
            self._idle.set()
