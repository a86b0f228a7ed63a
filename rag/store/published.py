"""The copy of the catalogue that an index on a Chroma server keeps there, beside the vectors.

The writer publishes its catalogue after each update; readers on other machines download it.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag._internal.files import write_atomically
from rag.errors import CitebriefError

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

_COLLECTION = "citebrief-catalogue"
_PART_SIZE = 16_000_000
"""Characters of the catalogue per record. Fewer records are cheaper, but a server refuses requests of 40 MB."""


class PublishedCatalogue:
    """The catalogue's copy on the server that ``client`` is connected to."""

    def __init__(self, client: ClientAPI, store: str) -> None:
        self._client = client
        self._store = store

    def revision(self) -> str | None:
        """Return the revision on the server, which is a hash of the catalogue; None if there is no catalogue."""
        metadata = self._collection().metadata
        return None if not metadata else str(metadata.get("revision") or "") or None

    def upload(self, catalogue: Path) -> None:
        """Replace the copy on the server; concurrent readers get the old one or the new one."""
        collection = self._collection()
        data = base64.b64encode(catalogue.read_bytes()).decode()
        revision = hashlib.sha256(data.encode()).hexdigest()[:16]
        parts = [data[i : i + _PART_SIZE] for i in range(0, len(data), _PART_SIZE)]
        ids = [f"{revision}/{n:06}" for n in range(len(parts))]
        for id_, part in zip(ids, parts, strict=True):
            # As metadata, because Chroma indexes documents for search, which takes twice the time and space.
            collection.upsert(ids=[id_], embeddings=[[0.0, 1.0]], metadatas=[{"part": part}])
        collection.modify(metadata={"revision": revision, "parts": len(parts)})
        if stale := [id_ for id_ in collection.get(include=[])["ids"] if id_ not in ids]:
            collection.delete(ids=stale)

    def download(self, revision: str) -> bytes:
        """Return the catalogue at ``revision``.

        Raises:
            CitebriefError: the writer is replacing this revision.
        """
        collection = self._client.get_collection(_COLLECTION, embedding_function=None)
        parts = int((collection.metadata or {}).get("parts", 0))
        return base64.b64decode("".join(self._read_part(collection, f"{revision}/{n:06}") for n in range(parts)))

    def sync_to(self, directory: Path) -> None:
        """Update ``catalogue.sqlite`` in ``directory`` if the revision on the server is another one."""
        from filelock import FileLock

        marker = directory / "revision"
        directory.mkdir(parents=True, exist_ok=True)
        with FileLock(directory / "fetching.lock"):  # the workers of a node open the index at the same time
            revision = self.revision()
            if revision is None or (marker.exists() and marker.read_text() == revision):
                return
            for stale in directory.glob("catalogue.sqlite*"):
                stale.unlink()
            write_atomically(directory / "catalogue.sqlite", self.download(revision))
            write_atomically(marker, revision)

    def _collection(self) -> Any:
        # Small thresholds, so that Chroma compacts its write-ahead log at once; it would read the whole log each time.
        configuration: Any = {"hnsw": {"batch_size": 2, "sync_threshold": 2}}
        return self._client.get_or_create_collection(_COLLECTION, embedding_function=None, configuration=configuration)

    def _read_part(self, collection: Any, id_: str) -> str:
        found = collection.get(ids=[id_], include=["metadatas", "documents"])
        if not found["ids"]:
            raise CitebriefError(f"the catalogue at {self._store} is being replaced; try again")
        # Earlier versions stored the part as the record's document.
        return str((found["metadatas"][0] or {}).get("part") or found["documents"][0])
