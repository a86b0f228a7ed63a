"""The vectors, in Chroma: persistent in the store's folder, or on a Chroma server.

Records are immutable and addressed by content: a record's id is the chunk's id and a hash of all that is embedded and
stored with it. Writing one again changes nothing, and one that is already there need not be embedded again, whoever
put it there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from rag.errors import CitebriefError, UsageError
from rag.types import Chunk

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api import ClientAPI
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

Match = TypeVar("Match")

SERVER = "chroma+http://"
SEARCHED = 1000
"""Candidates that Chroma's graph keeps while it searches; with 200 it missed one in a hundred true neighbours."""
_BATCH = 1000
_PART = 16_000_000
"""Characters of the catalogue in a record: the fewer the cheaper, but a server refuses 40 MB at once."""

_LOOKS = 3
_AFRESH = count(1)


def record_id(chunk: Chunk, embedded: str) -> str:
    """The id under which ``chunk`` is stored in Chroma; ``embedded`` is the text that was embedded for it."""
    everything = json.dumps([embedded, chunk.title, chunk.source, chunk.date, chunk.heading_path, chunk.pages])
    return f"{chunk.id}.{hashlib.sha256(everything.encode()).hexdigest()[:8]}"


class VectorStore:
    """One Chroma collection of records with cosine distance.

    Chroma in a folder keeps in memory what it has read of it, and fails on records that another process has removed
    meanwhile. Whoever reads then looks :meth:`afresh`.
    """

    def __init__(self, store: str) -> None:
        self.store = store
        self._opening = threading.Lock()
        self._open()

    def _open(self, *, aliased: bool = False) -> None:
        from chromadb.errors import ChromaError

        store = self.store
        try:
            self._client = _client(store, aliased=aliased)
            # Any: Chroma's own types of what it takes and gives are wider than any use of them.
            self._records: Any = self._client.get_or_create_collection(
                "citebrief", embedding_function=None, configuration={"hnsw": {"space": "cosine", "ef_search": SEARCHED}}
            )
        except (ChromaError, OSError, ValueError) as error:
            where = store.removeprefix("chroma+") if store.startswith(SERVER) else f"{store}/chroma"
            fix = "is the server running?" if store.startswith(SERVER) else "is it a citebrief store, and writable?"
            raise CitebriefError(f"Chroma at {where} cannot be opened: {str(error).splitlines()[0]}; {fix}") from error

    def afresh(self) -> None:
        """Forget what was read: another process has written. Calls of other threads may fail, and are made again."""
        if self.store.startswith(SERVER):  # a server knows what it holds
            return
        with self._opening:
            before: Any = self._client  # Chroma's type of it has no close()
            self._open(aliased=True)
            before.close()

    def has(self, records: Sequence[str]) -> set[str]:
        """Those of ``records`` that are stored."""
        return {found for part in _batches(records) for found in self._records.get(ids=part, include=[])["ids"]}

    def add(self, records: Sequence[str], vectors: Matrix, chunks: Sequence[Chunk]) -> None:
        """Store ``vectors``, with the text and place of their chunks for whoever opens the collection."""
        for start in range(0, len(records), _BATCH):
            part = slice(start, start + _BATCH)
            self._records.upsert(
                ids=list(records[part]),
                embeddings=vectors[part],
                documents=[chunk.text for chunk in chunks[part]],
                metadatas=[
                    {"chunk_id": c.id, "document_id": c.document_id, "title": c.title, "start": c.start, "end": c.end}
                    for c in chunks[part]
                ],
            )

    def nearest(
        self, vector: Sequence[float], k: int, documents: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """The ``k`` nearest ``(record id, cosine)``, of ``documents`` only if given."""
        where: Any = None if documents is None else {"document_id": {"$in": list(documents)}}

        def query(records: Any) -> Any:
            within = min(k, records.count())
            if within == 0 or documents == []:
                return {"ids": [[]], "distances": [[]]}
            return records.query(query_embeddings=[list(vector)], n_results=within, where=where, include=["distances"])

        found = self._read(query)
        distances = found["distances"] or [[]]
        return [(id_, 1.0 - float(distance)) for id_, distance in zip(found["ids"][0], distances[0], strict=True)]

    def vectors(self, records: Sequence[str]) -> dict[str, Matrix]:
        """The stored vectors, by record id."""
        found: dict[str, Matrix] = {}
        for part in _batches(records):
            rows = self._read(lambda records, part=part: records.get(ids=part, include=["embeddings"]))  # type: ignore[misc]
            found |= dict(zip(rows["ids"], rows["embeddings"] if rows["embeddings"] is not None else [], strict=True))
        return found

    def keep_only(self, live: set[str]) -> int:
        """Delete every record that is not in ``live``; returns how many there were."""
        dead = [id_ for id_ in self._records.get(include=[])["ids"] if id_ not in live]
        for part in _batches(dead):
            self._records.delete(ids=part)
        return len(dead)

    def publish(self, catalogue: Path) -> None:
        """Put the catalogue beside the vectors on the server; readers see the old one or the new one."""
        shelf = self._shelf()
        data = base64.b64encode(catalogue.read_bytes()).decode()
        revision = hashlib.sha256(data.encode()).hexdigest()[:16]
        parts = [data[i : i + _PART] for i in range(0, len(data), _PART)]
        ids = [f"{revision}/{n:06}" for n in range(len(parts))]
        for id_, part in zip(ids, parts, strict=True):
            # Not as a document: Chroma would make it searchable, which takes twice the time and the space.
            shelf.upsert(ids=[id_], embeddings=[[0.0, 1.0]], metadatas=[{"part": part}])
        shelf.modify(metadata={"revision": revision, "parts": len(parts)})
        if stale := [id_ for id_ in shelf.get(include=[])["ids"] if id_ not in ids]:
            shelf.delete(ids=stale)

    def published(self) -> str | None:
        """The revision of the catalogue on the server."""
        metadata = self._shelf().metadata
        return None if not metadata else str(metadata.get("revision") or "") or None

    def fetch(self, revision: str) -> bytes:
        """The catalogue at ``revision``."""
        shelf = self._client.get_collection("citebrief-catalogue", embedding_function=None)
        parts = int((shelf.metadata or {}).get("parts", 0))
        ids = [f"{revision}/{n:06}" for n in range(parts)]
        found = {id_: self._part(shelf, id_) for id_ in ids}
        return base64.b64decode("".join(found[id_] for id_ in ids))

    def _read(self, ask: Callable[[Any], Match]) -> Match:
        from chromadb.errors import ChromaError

        for look in range(_LOOKS):
            records = self._records
            try:
                return ask(records)
            except (ChromaError, AttributeError):  # the latter from a client that another thread has closed
                if look == _LOOKS - 1:
                    raise
                if records is self._records:
                    self.afresh()
        raise AssertionError("not reached")

    def _shelf(self) -> Any:
        """Where the catalogue is kept. Chroma has to take it off its log at once: it reads what is there each time."""
        at_once: Any = {"hnsw": {"batch_size": 2, "sync_threshold": 2}}
        return self._client.get_or_create_collection(
            "citebrief-catalogue", embedding_function=None, configuration=at_once
        )

    def _part(self, shelf: Any, id_: str) -> str:
        found = shelf.get(ids=[id_], include=["metadatas", "documents"])
        if not found["ids"]:
            raise CitebriefError(f"the catalogue at {self.store} is being replaced; try again")
        return str((found["metadatas"][0] or {}).get("part") or found["documents"][0])  # the latter: published before


def _client(store: str, *, aliased: bool = False) -> ClientAPI:
    """A client of ``store``. Clients of one path share what they have read; ``aliased``, it shares with nobody."""
    import chromadb
    from chromadb.config import Settings

    quiet = Settings(anonymized_telemetry=False)
    if not store.startswith("chroma+"):
        path = str(Path(store) / "chroma")
        return chromadb.PersistentClient(path=path + "/." * next(_AFRESH) if aliased else path, settings=quiet)
    parts = urlsplit(store.removeprefix("chroma+"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"store {store}: write it as chroma+http://host:port")
    return chromadb.HttpClient(
        host=parts.hostname, port=parts.port or 8000, ssl=parts.scheme == "https", settings=quiet
    )


def _batches(records: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(records)
    while part := list(islice(rest, _BATCH)):
        yield part
