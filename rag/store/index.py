"""The index of a store: a catalogue that says what is live (``rag/store/catalogue.py``) and the vectors (``rag/store/vectors.py``).

Writing goes: new records into Chroma, then one transaction of the catalogue, then dead records out of Chroma. A
process that is killed at any moment leaves the old catalogue or the new one; what it left in Chroma beyond that is not
answered with, and the next run uses or removes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rag.embedding.encoder import Embedder, count_tokens
from rag.errors import CitebriefError, IndexBusy, IndexMismatch, IndexMissing
from rag.ingest.chunking import CHUNKER_VERSION, chunk, embedding_text
from rag.store.catalogue import Catalogue, SourceRow
from rag.store.vectors import VectorStore, record_id
from rag.types import Chunk, Document, Filter, Skipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.ingest import Source

STORE_SCHEMA = "1"
Extract = Callable[["Source"], tuple[list[Document], list[Skipped]]]
OnFile = Callable[[str, int], None]
"""Called with the file being read and the chunks stored so far."""


@dataclass(slots=True, kw_only=True)
class IndexReport:
    """What a run did: counts of documents, ``embedded`` of chunks."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def as_json(self) -> str:
        """The report as DESIGN's ``index --json`` prints it."""
        rows = [{"path": item.path, "reason": item.reason} for item in self.skipped]
        counts = {name: getattr(self, name) for name in ("added", "changed", "removed", "unchanged", "embedded")}
        return json.dumps({**counts, "skipped": rows}, ensure_ascii=False)


class Index:
    """The index in ``store``: a folder, or ``chroma+http://host:port``. Open it with :meth:`open`."""

    def __init__(self, store: str, embedder: Embedder) -> None:
        self.store = store
        self.embedder = embedder
        self.directory = directory_of(store)
        self._revision: int | None = None
        self._waiting: dict[str, tuple[str, Chunk]] = {}

    @classmethod
    def open(cls, store: str, embedder: Embedder) -> Index:
        """The existing index in ``store``.

        Raises:
            IndexMissing: there is none.
            IndexMismatch: it was built with another embedder, chunker or schema.
        """
        index = cls(store, embedder)
        if index.remote:
            index._fetch()
        if not (index.directory / "catalogue.sqlite").exists() or index.catalogue.meta("fingerprint") is None:
            raise IndexMissing(f"no index in {store}: build it with `citebrief index PATH --store {store}`")
        index._check()
        return index

    @property
    def remote(self) -> bool:
        """Whether the vectors are on a server."""
        return self.store.startswith("chroma+")

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue, opened when first used."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return Catalogue(self.directory / "catalogue.sqlite")

    @cached_property
    def vector_store(self) -> VectorStore:
        """The vectors, opened when first used."""
        return VectorStore(self.store)

    @property
    def parameters(self) -> dict[str, str]:
        """What an index must have been built with to be used together with this one."""
        return {"embedder": self.embedder.name, "chunker": CHUNKER_VERSION, "schema": STORE_SCHEMA}

    @property
    def fingerprint(self) -> str:
        """A short hash of the parameters and of every live record: the same fingerprint gives the same evidence."""
        return self.catalogue.remembered("fingerprint", self._fingerprint)

    def _fingerprint(self) -> str:
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
        found: Iterable[Source | Skipped],
        extract: Extract,
        roots: Sequence[str],
        *,
        prune: bool = False,
        on_file: OnFile = lambda _, __: None,
    ) -> IndexReport:
        """Make the index mirror ``found``, which is all there is under ``roots``.

        Unchanged sources are not read again, changed ones replace their chunks, vanished ones leave; sources of other
        roots stay unless ``prune``. A source that can no longer be read keeps its old chunks, and the report says so.

        Raises:
            IndexBusy: another process is writing.
            IndexMismatch: the store holds an index built with something else.
        """
        with self._writing():
            report, self._waiting = IndexReport(), {}
            known = self.catalogue.sources()
            seen: set[str] = set()
            with self.catalogue.transaction():
                for item in found:
                    on_file(item.path if isinstance(item, Skipped) else item.location, report.embedded)
                    seen |= self._take(item, known, extract, report)
                for gone in [row for row in known.values() if row.id not in seen and (prune or row.root in roots)]:
                    report.removed += len(self.catalogue.documents_of(gone.id))
                    self.catalogue.drop_source(gone.id)
                self._embed(report)  # before the catalogue, which is what answers, is committed
                self.catalogue.set_meta("fingerprint", json.dumps(self.parameters))
            self._publish()
            if report.changed or report.removed or report.embedded:
                self.vector_store.keep_only(set(self.catalogue.records()))
            return report

    def _look_again(self) -> None:
        """Read the vectors afresh where another process has changed the index since they were last read."""
        revision = self.catalogue.revision()
        before, self._revision = self._revision, revision
        if before not in (None, revision):
            self.vector_store.afresh()

    def dense(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[tuple[Chunk, float]]:
        """The ``k`` nearest live chunks with their cosine."""
        self._look_again()
        documents = None if where is None or where.empty else self.catalogue.matching(where)
        wanted = k
        while True:
            nearest = self.vector_store.nearest(vector, wanted, documents)
            live = self.catalogue.by_records([record for record, _ in nearest])
            found = [(live[record], score) for record, score in nearest if record in live]
            if len(found) >= k or len(nearest) < wanted:
                return found[:k]
            wanted *= 2  # some of the nearest belong to a run that did not finish

    def lexical(self, query: str, k: int, where: Filter | None = None) -> list[tuple[Chunk, float]]:
        """The ``k`` best live chunks by BM25."""
        return self.catalogue.lexical(query, k, where)

    def vectors(self, chunks: Sequence[Chunk]) -> NDArray[np.float32]:
        """The vectors of ``chunks``, one row each; made again where another process has removed them since."""
        import numpy as np

        records = self.catalogue.records_of([chunk.id for chunk in chunks])
        stored = self.vector_store.vectors(list(records.values()))
        found = {id_: stored[record] for id_, record in records.items() if record in stored}
        if gone := [chunk for chunk in chunks if chunk.id not in found]:
            texts = [embedding_text(chunk, count_tokens) for chunk in gone]
            found |= zip((chunk.id for chunk in gone), self.embedder.vectors(texts), strict=True)
        return np.array([found[chunk.id] for chunk in chunks], dtype=np.float32)

    def _take(
        self, item: Source | Skipped, known: dict[str, SourceRow], extract: Extract, report: IndexReport
    ) -> set[str]:
        """Bring one found item into the catalogue; returns the ids of the sources it accounts for."""
        if isinstance(item, Skipped):
            kept = {row.id for row in known.values() if row.location == item.path}
            report.skipped.append(_kept(item) if kept else item)
            return kept
        before = known.get(item.id)
        if before is not None and before.digest == item.digest:
            report.unchanged += len(self.catalogue.documents_of(item.id))
            report.skipped += [Skipped(path=path, reason=reason) for path, reason in before.problems]
            if before.root != item.root:
                self.catalogue.put_source(
                    SourceRow(
                        id=item.id, location=item.location, root=item.root, digest=item.digest, problems=before.problems
                    )
                )
            return {item.id}
        documents, skipped = extract(item)
        if not documents:
            report.skipped += [_kept(problem) for problem in skipped] if before else skipped
            return {item.id}
        self._replace(item, documents, skipped, report)
        return {item.id}

    def _replace(
        self, source: Source, documents: Sequence[Document], skipped: Sequence[Skipped], report: IndexReport
    ) -> None:
        before = self.catalogue.documents_of(source.id)
        self.catalogue.drop_source(source.id)
        problems = list(skipped)
        names: set[str] = set()
        for document in documents:
            if owner := self.catalogue.owner(document.id):
                fix = "give one of them another id" if owner != source.id else "ids must differ within a file"
                problems.append(
                    Skipped(path=source.location, reason=f"id {document.id} is already used by {owner}; {fix}")
                )
                continue
            records = self._store(document, report)
            self.catalogue.put_document(document, source.id, records)
            names.add(document.id)
            if document.id not in before:
                report.added += 1
            elif before[document.id] == {record for _, record in records}:
                report.unchanged += 1
            else:
                report.changed += 1
        report.removed += len(set(before) - names)
        report.skipped += problems
        rows = tuple((problem.path, problem.reason) for problem in problems)
        self.catalogue.put_source(
            SourceRow(id=source.id, location=source.location, root=source.root, digest=source.digest, problems=rows)
        )

    def _store(self, document: Document, report: IndexReport) -> list[tuple[Chunk, str]]:
        """Chunk a document; its vectors are made with those of the documents around it."""
        chunks = chunk(document, count_tokens=count_tokens)
        texts = [embedding_text(part, count_tokens) for part in chunks]
        records = [record_id(part, text) for part, text in zip(chunks, texts, strict=True)]
        self._waiting |= {record: (text, part) for record, text, part in zip(records, texts, chunks, strict=True)}
        if len(self._waiting) >= self.embedder.at_once:
            self._embed(report)
        return list(zip(chunks, records, strict=True))

    def _embed(self, report: IndexReport) -> None:
        """See to it that the vector of every chunk that waits for one is in Chroma."""
        waiting, self._waiting = self._waiting, {}
        step = self.embedder.at_once
        for start in range(0, len(waiting), step):
            batch = dict(islice(waiting.items(), start, start + step))
            there = self.vector_store.has(list(batch))
            new = [record for record in batch if record not in there]
            if new:
                vectors = self.embedder.vectors([batch[record][0] for record in new])
                self.vector_store.add(new, vectors, [batch[record][1] for record in new])
                report.embedded += len(new)

    def _check(self) -> None:
        built = json.loads(self.catalogue.meta("fingerprint") or "{}")
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
        from filelock import FileLock, Timeout

        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.directory / "writing.lock", timeout=0)
            with lock:
                if self.remote:
                    self._fetch()
                if self.catalogue.meta("fingerprint") is not None:
                    self._check()
                yield
        except Timeout:
            raise IndexBusy(f"{self.store} is being written by another process: wait for it to finish") from None
        except OSError as error:
            raise CitebriefError(
                f"{self.store}: {(error.strerror or str(error)).lower()}; nothing was changed"
            ) from error

    def _fetch(self) -> None:
        """Bring the local copy of a server's catalogue up to date."""
        from filelock import FileLock

        from rag._internal.files import write_atomically

        marker = self.directory / "revision"
        self.directory.mkdir(parents=True, exist_ok=True)
        with FileLock(self.directory / "fetching.lock"):  # the workers of a node open it at the same moment
            revision = self.vector_store.published()
            if revision is None or (marker.exists() and marker.read_text() == revision):
                return
            for stale in self.directory.glob("catalogue.sqlite*"):
                stale.unlink()
            write_atomically(self.directory / "catalogue.sqlite", self.vector_store.fetch(revision))
            write_atomically(marker, revision)

    def _publish(self) -> None:
        if not self.remote:
            return
        from rag._internal.files import write_atomically

        copy = self.directory / "published.sqlite"
        self.catalogue.snapshot(copy)
        self.vector_store.publish(copy)
        copy.unlink()
        write_atomically(self.directory / "revision", self.vector_store.published() or "")


def directory_of(store: str) -> Path:
    """The folder of a store; for one on a server, the folder in the user's cache that holds its catalogue's copy."""
    if not store.startswith("chroma+"):
        return Path(store).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("citebrief")) / "stores" / hashlib.sha256(store.encode()).hexdigest()[:16]


def _kept(problem: Skipped) -> Skipped:
    return Skipped(path=problem.path, reason=f"{problem.reason}; what was indexed of it before is kept")
