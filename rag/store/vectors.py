"""The vectors of an index, in Chroma: in the store's directory or on a Chroma server.

Records are immutable and content-addressed: a record's id consists of the chunk's id and a hash of all that is embedded
and stored with it. Adding a record again changes nothing, and an existing one need not be embedded again.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from rag._internal.directories import give_home
from rag._internal.ids import earlier_id
from rag.errors import CitebriefError, IndexMismatch, UsageError
from rag.store.location import is_remote, store_directory
from rag.store.read_only import copy_of_vectors, is_read_only
from rag.types import Chunk

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api import ClientAPI
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Vector = NDArray[np.float32]

Result = TypeVar("Result")

GRAPH: CreateHNSWConfiguration = {
    "space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 500,
}  # fmt: skip
"""Parameters of Chroma's HNSW graph (Malkov & Yashunin, IEEE TPAMI 2020) in a new store; a store keeps its own.

On 60,456 chunks of 30 collections it finds .991 of the 80 nearest and .996 of the 20 nearest of 48 questions in 1.4 ms.
Chroma's own 16 neighbours find .973 and .979 with the same 500 candidates, and .989 and .990 in 2.0 ms with 1,000. A
chunk takes 0.7 ms in place of 0.4 to insert (``eval.bench.scale graph``).
"""

_BATCH_SIZE = 1000
_MAX_DOCUMENTS = 20_000
"""Documents that one query may be restricted to. SQLite takes 32,766 variables, some of which Chroma needs itself."""
_MAX_ATTEMPTS = 3
_REOPENED = count(1)


def record_id(chunk: Chunk, embedded: str) -> str:
    """Return the id of ``chunk``'s record in Chroma; ``embedded`` is the text that is embedded for it.

    It has the chunk's shorter id, so that vectors stored by an earlier version need not be computed again.
    """
    content = json.dumps([embedded, chunk.title, chunk.source, chunk.date, chunk.heading_path, chunk.pages])
    return f"{earlier_id(chunk.id)}.{hashlib.sha256(content.encode()).hexdigest()[:8]}"


class VectorStore:
    """A Chroma collection of records with cosine distance.

    A Chroma client of a directory caches what it has read, and fails on records that another process has deleted since.
    Reads that fail :meth:`reopen` the client and are repeated.
    """

    def __init__(self, store: str) -> None:
        self.store = store
        self._reopening = threading.Lock()
        self._open()

    def _open(self, *, private: bool = False) -> None:
        give_home()
        from chromadb.errors import ChromaError

        try:
            self.client = _open_client(self.store, private=private)
            # Any: Chroma's argument and result types are wider than any use of them here.
            self._records: Any = self.client.get_or_create_collection(
                "citebrief",
                embedding_function=None,
                configuration={"hnsw": GRAPH},
            )
        except (ChromaError, OSError, ValueError) as error:
            remote = is_remote(self.store)
            where = self.store.removeprefix("chroma+") if remote else f"{self.store}/chroma"
            fix = "is the server running?" if remote else "is it a citebrief store, and writable?"
            raise CitebriefError(f"Chroma at {where} cannot be opened: {str(error).splitlines()[0]}; {fix}") from error

    def reopen(self) -> None:
        """Discard the client's cache after another process has written. Does nothing for a server, which has none.

        Calls of other threads may fail while the client is replaced; they are repeated.
        """
        if is_remote(self.store):
            return
        with self._reopening:
            before: Any = self.client  # Any: Chroma's type of a client has no close()
            self._open(private=True)
            before.close()

    def has(self, records: Sequence[str]) -> set[str]:
        """Return those of ``records`` that are stored."""
        return {found for part in _batches(records) for found in self._records.get(ids=part, include=[])["ids"]}

    def add(self, records: Sequence[str], vectors: Matrix, chunks: Sequence[Chunk]) -> None:
        """Store ``vectors``, with the text and position of their chunks for other users of the collection.

        Raises:
            IndexMismatch: the stored vectors have another dimension.
        """
        with self._dimension_errors():
            for start in range(0, len(records), _BATCH_SIZE):
                part = slice(start, start + _BATCH_SIZE)
                self._records.upsert(
                    ids=list(records[part]),
                    embeddings=vectors[part],
                    documents=[chunk.text for chunk in chunks[part]],
                    metadatas=[
                        {
                            "chunk_id": c.id,
                            "document_id": c.document_id,
                            "title": c.title,
                            "start": c.start,
                            "end": c.end,
                        }
                        for c in chunks[part]
                    ],
                )

    def nearest(
        self, vector: Sequence[float], k: int, documents: Sequence[str] | None = None
    ) -> list[tuple[str, float, Vector]]:
        """Return the ``k`` nearest records as ``(record id, cosine, vector)``, only of ``documents`` if given.

        Raises:
            IndexMismatch: the stored vectors have another dimension than ``vector``.
        """
        if documents is not None and not documents:
            return []
        parts = [None] if documents is None else list(_batches(documents, _MAX_DOCUMENTS))
        nearest = [each for part in parts for each in self._nearest_of(vector, k, part)]
        return sorted(nearest, key=lambda each: -each[1])[:k] if len(parts) > 1 else nearest

    def _nearest_of(
        self, vector: Sequence[float], k: int, documents: Sequence[str] | None
    ) -> list[tuple[str, float, Vector]]:
        where: Any = None if documents is None else {"document_id": {"$in": list(documents)}}

        def query(records: Any) -> Any:
            included = ["distances", "embeddings"]  # takes less time than a second call for them
            return records.query(query_embeddings=[list(vector)], n_results=k, where=where, include=included)

        with self._dimension_errors():
            found = self._read(query)
        distances, vectors = ([[]] if found[name] is None else found[name] for name in ("distances", "embeddings"))
        rows = zip(found["ids"][0], distances[0], vectors[0], strict=True)
        return [(id_, 1.0 - float(distance), row) for id_, distance, row in rows]

    def vectors(self, records: Sequence[str]) -> dict[str, Vector]:
        """Return the stored vectors of ``records``, by record id."""
        found: dict[str, Vector] = {}
        for part in _batches(records):
            rows = self._read(lambda records, part=part: records.get(ids=part, include=["embeddings"]))  # type: ignore[misc]
            found |= dict(zip(rows["ids"], rows["embeddings"] if rows["embeddings"] is not None else [], strict=True))
        return found

    def keep_only(self, live: set[str]) -> int:
        """Delete every record that is not in ``live``; return the number deleted."""
        dead = [id_ for id_ in self._records.get(include=[])["ids"] if id_ not in live]
        for part in _batches(dead):
            self._records.delete(ids=part)
        return len(dead)

    @contextmanager
    def _dimension_errors(self) -> Iterator[None]:
        """Translate Chroma's error for vectors of another dimension than the stored ones."""
        from chromadb.errors import ChromaError

        try:
            yield
        except ChromaError as error:
            if "dimension" not in str(error):
                raise
            raise IndexMismatch(
                f"the index in {self.store} has vectors of another dimension than the embedder returned "
                f"({str(error).splitlines()[0]}): is it the same model? Otherwise index into another --store"
            ) from error

    def _read(self, query: Callable[[Any], Result]) -> Result:
        """Call ``query`` with the collection; reopen and repeat if it fails."""
        from chromadb.errors import ChromaError

        for attempt in range(1, _MAX_ATTEMPTS + 1):
            records = self._records
            try:
                return query(records)
            except (ChromaError, AttributeError):  # AttributeError: another thread has closed the client
                if attempt == _MAX_ATTEMPTS:
                    raise
                if records is self._records:
                    self.reopen()
        raise AssertionError("not reached")


def _open_client(store: str, *, private: bool = False) -> ClientAPI:
    """Open a client of ``store``.

    Clients of one path share a cache, so a ``private`` one uses another spelling of the path: "/." is appended once
    more each time.
    """
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if not is_remote(store):
        directory = store_directory(store) / "chroma"
        path = str(copy_of_vectors(directory) if is_read_only(directory) else directory)
        return chromadb.PersistentClient(path=path + "/." * next(_REOPENED) if private else path, settings=settings)
    parts = urlsplit(store.removeprefix("chroma+"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"store {store}: write it as chroma+http://host:port")
    return chromadb.HttpClient(
        host=parts.hostname, port=parts.port or 8000, ssl=parts.scheme == "https", settings=settings
    )


def _batches(records: Iterable[str], size: int = _BATCH_SIZE) -> Iterator[list[str]]:
    rest = iter(records)
    while part := list(islice(rest, size)):
        yield part
