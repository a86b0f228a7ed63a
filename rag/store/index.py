"""The index of a store: the catalogue, which decides what is live, and the vectors.

An update adds new records to Chroma, then commits one transaction of the catalogue, then deletes dead records from
Chroma. A process that is killed at any moment leaves the old catalogue or the new one. Records in Chroma that no live
chunk refers to are never returned, and the next update reuses or deletes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from rag.embedding import Embedder, count_tokens
from rag.errors import CitebriefError, IndexBusy, IndexMismatch, IndexMissing
from rag.ingest import CHUNKER_VERSION, embedding_text
from rag.store.catalogue import Catalogue
from rag.store.location import is_remote, store_directory
from rag.store.published import PublishedCatalogue
from rag.store.read_only import is_read_only
from rag.store.update import (
    BeforeEmbedding,
    EmbeddingDeclined,
    Extract,
    IndexReport,
    IndexUpdate,
    OnEmbedded,
    OnFile,
)
from rag.store.vectors import VectorStore
from rag.types import Chunk, Filter, Skipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.ingest import Source

    Vector = NDArray[np.float32]

STORE_SCHEMA = "2"
"""Part of the index's parameters. Raise it whenever older versions could not read the store."""

READABLE_SCHEMAS = frozenset({"1", "2"})
"""Schemas that this version reads; the next update of a store writes :data:`STORE_SCHEMA`."""


class Index:
    """The index in ``store``: a directory, or ``chroma+http://host:port``. Use :meth:`open` to read an existing one."""

    def __init__(self, store: str, embedder: Embedder) -> None:
        self.store = store
        self.embedder = embedder
        self.directory = store_directory(store)
        self._revision: int | None = None

    @classmethod
    def open(cls, store: str, embedder: Embedder) -> Index:
        """Open the existing index in ``store``.

        Raises:
            IndexMissing: there is none, or it has no document: no question has an answer there, and to say so of each
                of a night's questions would hide why.
            IndexMismatch: it was built with another embedder, chunker or schema.
        """
        index = cls(store, embedder)
        if index.remote:
            index._published.sync_to(index.directory)
        if not (index.directory / "catalogue.sqlite").exists() or index.catalogue.meta("fingerprint") is None:
            raise IndexMissing(f"no index in {store}: build it with `citebrief index PATH --store {store}`")
        index._check_parameters()
        if not any(index.catalogue.count()):
            index.close()
            raise IndexMissing(f"the index in {store} is empty: fill it with `citebrief index PATH --store {store}`")
        return index

    @property
    def remote(self) -> bool:
        """Whether the vectors are on a server."""
        return is_remote(self.store)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue, opened on first use."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return Catalogue(self.directory / "catalogue.sqlite")

    @cached_property
    def vector_store(self) -> VectorStore:
        """The vectors, opened on first use."""
        return VectorStore(self.store)

    @property
    def _published(self) -> PublishedCatalogue:
        return PublishedCatalogue(self.vector_store.client, self.store)

    @property
    def parameters(self) -> dict[str, str]:
        """What an existing index must have been built with to be used by this one."""
        return {"embedder": self.embedder.name, "chunker": CHUNKER_VERSION, "schema": STORE_SCHEMA}

    @property
    def fingerprint(self) -> str:
        """A hash of the parameters and all live records, 16 hex digits. Equal fingerprints give equal evidence."""
        return self.catalogue.cached("fingerprint", self._compute_fingerprint)

    def _compute_fingerprint(self) -> str:
        state = hashlib.sha256(json.dumps(self.parameters, sort_keys=True).encode())
        for record in sorted(self.catalogue.records()):
            state.update(record.encode())
        return state.hexdigest()[:16]

    def close(self) -> None:
        """Close the catalogue."""
        if "catalogue" in self.__dict__:
            self.catalogue.close()

    def update(
        self,
        items: Iterable[Source | Skipped],
        extract: Extract,
        roots: Sequence[str],
        *,
        prune: bool = False,
        on_file: OnFile = lambda _, __: None,
        before_embedding: BeforeEmbedding | None = None,
        on_embedded: OnEmbedded = lambda _, __: None,
    ) -> IndexReport:
        """Make the index mirror ``items``, which are all sources under ``roots``.

        Sources are read while the chunks of earlier ones are embedded. Unchanged sources are not read again; the
        chunks of changed ones are replaced; missing ones are removed. A source that can no longer be read keeps its old
        chunks, and the report says so; one that an ignore file excludes since is removed.

        Args:
            prune: also remove the sources of other roots.
            before_embedding: called with what is to be embedded after all sources are read, before anything is
                embedded; if it returns False, the index stays as it was.
            on_embedded: called while chunks are embedded after all sources are read, perhaps in another thread.

        Raises:
            IndexBusy: another process is writing.
            IndexMismatch: the store has an index that was built with other parameters.
        """
        with self._writing():
            update = IndexUpdate(
                self.catalogue,
                lambda: self.vector_store,
                self.embedder,
                extract,
                before_embedding=before_embedding,
                on_embedded=on_embedded,
            )
            try:
                with self.catalogue.transaction():
                    # Embeds before the commit, because a committed chunk must have its vector.
                    update.apply(items, roots, prune=prune, on_file=on_file)
                    self.catalogue.set_meta("fingerprint", json.dumps(self.parameters))
            except EmbeddingDeclined:
                return update.report
            report = update.report
            report.in_index = self.catalogue.count()[0]
            try:
                if self.remote:
                    self._publish()
                if report.changed or report.removed or report.embedded:
                    self.vector_store.keep_only(set(self.catalogue.records()))
            except OSError as error:
                fix = "; run `citebrief index` again to publish them" if self.remote else ""
                raise CitebriefError(f"{self.store}: {_reason(error)}; the documents are indexed{fix}") from error
            return report

    def dense(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[tuple[Chunk, float]]:
        """Return the ``k`` nearest live chunks with their cosine similarity."""
        return [(chunk, cosine) for chunk, cosine, _ in self.nearest(vector, k, where)]

    def nearest(
        self, vector: Sequence[float], k: int, where: Filter | None = None
    ) -> list[tuple[Chunk, float, Vector]]:
        """Return the ``k`` nearest live chunks with their cosine similarity and their vectors."""
        self._reopen_if_changed()
        documents = None if where is None or where.empty else self.catalogue.matching_documents(where)
        if documents is not None and len(documents) == self.catalogue.count()[0]:
            documents = None
        limit = k
        while True:
            nearest = self.vector_store.nearest(vector, limit, documents)
            live = self.catalogue.chunks_by_record([record for record, _, _ in nearest])
            found = [(live[record], cosine, row) for record, cosine, row in nearest if record in live]
            if len(found) >= k or len(nearest) < limit:
                return found[:k]
            limit *= 2  # some of the nearest records are dead: left by a run that was killed

    def lexical(self, query: str, k: int, where: Filter | None = None) -> list[tuple[Chunk, float]]:
        """Return the ``k`` best live chunks by BM25."""
        return self.catalogue.lexical(query, k, where)

    def vectors(self, chunks: Sequence[Chunk]) -> NDArray[np.float32]:
        """Return the vectors of ``chunks``, one row each; those that another process has deleted are computed again."""
        import numpy as np

        records = self.catalogue.records_by_chunk([chunk.id for chunk in chunks])
        stored = self.vector_store.vectors(list(records.values()))
        found = {id_: stored[record] for id_, record in records.items() if record in stored}
        if missing := [chunk for chunk in chunks if chunk.id not in found]:
            texts = [embedding_text(chunk, count_tokens) for chunk in missing]
            found |= zip((chunk.id for chunk in missing), self.embedder.vectors(texts), strict=True)
        return np.array([found[chunk.id] for chunk in chunks], dtype=np.float32)

    def _reopen_if_changed(self) -> None:
        """Reopen the vectors if another process has changed the index since the last call."""
        revision = self.catalogue.revision()
        before, self._revision = self._revision, revision
        if before not in (None, revision):
            self.vector_store.reopen()

    def _check_parameters(self) -> None:
        built = json.loads(self.catalogue.meta("fingerprint") or "{}")
        if built.get("schema") in READABLE_SCHEMAS:
            built["schema"] = STORE_SCHEMA
        differing = [
            f"{name} {built.get(name)!r}, not {value!r}"
            for name, value in self.parameters.items()
            if built.get(name) != value
        ]
        if differing:
            fix = f"use the same --embedder, or index into another --store, or delete {self.store} and index again"
            raise IndexMismatch(f"the index in {self.store} was built with {'; '.join(differing)}: {fix}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the store's write lock and check its parameters."""
        from filelock import FileLock, Timeout

        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            if is_read_only(self.directory):
                raise CitebriefError(f"{self.store} cannot be written: index into another --store")
            lock = FileLock(self.directory / "writing.lock", timeout=0)
            with lock:
                if self.remote:
                    self._published.sync_to(self.directory)
                if self.catalogue.meta("fingerprint") is not None:
                    self._check_parameters()
                yield
        except Timeout:
            raise IndexBusy(f"{self.store} is being written by another process: wait for it to finish") from None
        except OSError as error:
            raise CitebriefError(f"{self.store}: {_reason(error)}; nothing was changed") from error

    def _publish(self) -> None:
        """Upload the catalogue to the server."""
        from rag._internal.files import write_atomically

        copy = self.directory / "published.sqlite"
        self.catalogue.snapshot(copy)
        self._published.upload(copy)
        copy.unlink()
        write_atomically(self.directory / "revision", self._published.revision() or "")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
