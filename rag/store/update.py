"""One run of the indexer: compare the sources with the catalogue, extract, chunk and embed what has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from rag.embedding import Embedder, count_tokens
from rag.ingest import chunk_document, embedding_text
from rag.store.catalogue import Catalogue, SourceRow
from rag.store.vectors import VectorStore, record_id
from rag.types import Chunk, Document, Skipped

if TYPE_CHECKING:
    from rag.ingest import Source

Extract = Callable[["Source"], tuple[list[Document], list[Skipped]]]
OnFile = Callable[[str, int], None]
"""Called with the current file and the number of chunks embedded so far."""


@dataclass(slots=True, kw_only=True)
class IndexReport:
    """The result of a run: counts of documents, ``embedded`` of chunks."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def as_json(self) -> str:
        """Return the report as ``citebrief index --json`` prints it."""
        rows = [{"path": item.path, "reason": item.reason} for item in self.skipped]
        counts = {name: getattr(self, name) for name in ("added", "changed", "removed", "unchanged", "embedded")}
        return json.dumps({**counts, "skipped": rows}, ensure_ascii=False)


class IndexUpdate:
    """Writes one run into a catalogue, in which the caller has begun a transaction, and into the vector store.

    Args:
        open_vectors: returns the vector store; called only if there is something to embed.
    """

    def __init__(
        self, catalogue: Catalogue, open_vectors: Callable[[], VectorStore], embedder: Embedder, extract: Extract
    ) -> None:
        self.report = IndexReport()
        self._catalogue = catalogue
        self._open_vectors = open_vectors
        self._embedder = embedder
        self._extract = extract
        self._to_embed: dict[str, tuple[str, Chunk]] = {}

    def apply(self, items: Iterable[Source | Skipped], roots: Sequence[str], *, prune: bool, on_file: OnFile) -> None:
        """Make catalogue and vectors mirror ``items``, as :meth:`rag.store.index.Index.update` describes."""
        known = self._catalogue.sources()
        seen: set[str] = set()
        for item in items:
            on_file(item.path if isinstance(item, Skipped) else item.location, self.report.embedded)
            seen |= self._skip(item, known) if isinstance(item, Skipped) else self._update_source(item, known)
        for row in [row for row in known.values() if row.id not in seen and (prune or row.root in roots)]:
            self.report.removed += len(self._catalogue.records_by_document(row.id))
            self._catalogue.delete_source(row.id)
        self._embed_pending()

    def _skip(self, item: Skipped, known: dict[str, SourceRow]) -> set[str]:
        """Report a file that cannot be read; return the ids of its sources in the catalogue, which are kept."""
        kept = {row.id for row in known.values() if row.location == item.path}
        self.report.skipped.append(_with_kept_notice(item) if kept else item)
        return kept

    def _update_source(self, source: Source, known: dict[str, SourceRow]) -> set[str]:
        """Bring one source up to date; return its id."""
        before = known.get(source.id)
        if before is not None and before.digest == source.digest:
            self.report.unchanged += len(self._catalogue.records_by_document(source.id))
            self.report.skipped += [Skipped(path=path, reason=reason) for path, reason in before.problems]
            if before.root != source.root:
                self._put_source(source, before.problems)
            return {source.id}
        documents, skipped = self._extract(source)
        if documents:
            self._replace_source(source, documents, skipped)
        else:
            self.report.skipped += [_with_kept_notice(problem) for problem in skipped] if before else skipped
        return {source.id}

    def _replace_source(self, source: Source, documents: Sequence[Document], skipped: Sequence[Skipped]) -> None:
        before = self._catalogue.records_by_document(source.id)
        self._catalogue.delete_source(source.id)
        problems = list(skipped)
        ids: set[str] = set()
        for document in documents:
            if owner := self._catalogue.source_of(document.id):
                fix = "give one of them another id" if owner != source.id else "ids must differ within a file"
                problems.append(
                    Skipped(path=source.location, reason=f"id {document.id} is already used by {owner}; {fix}")
                )
                continue
            records = self._chunk(document)
            self._catalogue.put_document(document, source.id, records)
            ids.add(document.id)
            if document.id not in before:
                self.report.added += 1
            elif before[document.id] == {record for _, record in records}:
                self.report.unchanged += 1
            else:
                self.report.changed += 1
        self.report.removed += len(set(before) - ids)
        self.report.skipped += problems
        self._put_source(source, tuple((problem.path, problem.reason) for problem in problems))

    def _put_source(self, source: Source, problems: tuple[tuple[str, str], ...]) -> None:
        self._catalogue.put_source(
            SourceRow(id=source.id, location=source.location, root=source.root, digest=source.digest, problems=problems)
        )

    def _chunk(self, document: Document) -> list[tuple[Chunk, str]]:
        """Chunk a document; its chunks are embedded in one batch with those of other documents."""
        chunks = chunk_document(document, count_tokens=count_tokens)
        texts = [embedding_text(chunk, count_tokens) for chunk in chunks]
        records = [record_id(chunk, text) for chunk, text in zip(chunks, texts, strict=True)]
        self._to_embed |= {record: (text, chunk) for record, text, chunk in zip(records, texts, chunks, strict=True)}
        if len(self._to_embed) >= self._embedder.batch_size:
            self._embed_pending()
        return list(zip(chunks, records, strict=True))

    def _embed_pending(self) -> None:
        """Embed and store the pending chunks that the vector store does not have."""
        pending, self._to_embed = self._to_embed, {}
        step = self._embedder.batch_size
        for start in range(0, len(pending), step):
            batch = dict(islice(pending.items(), start, start + step))
            vector_store = self._open_vectors()
            stored = vector_store.has(list(batch))
            new = [record for record in batch if record not in stored]
            if new:
                vectors = self._embedder.vectors([batch[record][0] for record in new])
                vector_store.add(new, vectors, [batch[record][1] for record in new])
                self.report.embedded += len(new)


def _with_kept_notice(problem: Skipped) -> Skipped:
    return Skipped(path=problem.path, reason=f"{problem.reason}; what was indexed of it before is kept")
