"""One run of the indexer: compare the sources with the catalogue, extract, chunk and embed what has changed.

Reading is much faster than embedding and runs ahead of it: the catalogue keeps the texts, and memory only the ids of
the chunks that are still to be embedded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from rag.embedding import Embedder, count_tokens
from rag.ingest import chunk_document, describe_omission, embedding_text, with_ocr
from rag.store.catalogue import Catalogue, SourceRow
from rag.store.embedding import ChunkWriter
from rag.store.known_sources import KnownSources, other_file_exists
from rag.store.vectors import VectorStore, record_id
from rag.types import Chunk, Coverage, Document, Skipped

if TYPE_CHECKING:
    from rag.ingest import Source

Extract = Callable[["Source"], tuple[list[Document], list[Skipped]]]
OnFile = Callable[[str, int], None]
"""Called with the current file and the number of chunks embedded so far."""
OnEmbedded = Callable[[int, int], None]
"""Called with the number of chunks embedded so far and of all that are to be embedded; perhaps in another thread."""

WINDOW = 4096
"""Chunks that are sorted by length and embedded while others are read: a minute of work on two cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingVolume:
    """What a run has to embed: chunks, their documents, and their tokens by the packaged encoder's tokenizer."""

    passages: int
    documents: int
    tokens: int


BeforeEmbedding = Callable[[EmbeddingVolume], bool]
"""Called before anything is embedded. Returns whether to go on; if not, the run changes nothing."""


class EmbeddingDeclined(Exception):
    """A :data:`BeforeEmbedding` returned False."""


@dataclass(slots=True, kw_only=True)
class IndexReport:
    """The result of a run: counts of documents, ``embedded`` of chunks.

    ``in_index`` counts the documents of the index after it, those of other paths included.
    ``coverage`` has, by document id, what of the files is not in the text of the documents under the paths of this run.
    ``tokens`` is the number that a remote embedder was sent, None for a local one; ``cost`` is theirs in US dollars,
    None if the price is unknown.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    in_index: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    coverage: dict[str, Coverage] = field(default_factory=dict)
    tokens: int | None = None
    cost: float | None = None

    def as_json(self) -> str:
        """Return the report as ``citebrief index --json`` prints it."""
        rows = [{"path": item.path, "reason": item.reason} for item in self.skipped]
        counts = {
            name: getattr(self, name) for name in ("added", "changed", "removed", "unchanged", "embedded", "in_index")
        }
        usage = {} if self.tokens is None else {"tokens": self.tokens, "cost": self.cost}
        documents = [{"document_id": id_, **coverage_row(coverage)} for id_, coverage in self.coverage.items()]
        return json.dumps({**counts, **usage, "skipped": rows, "documents": documents}, ensure_ascii=False)

    def losses(self) -> Iterator[tuple[str, str]]:
        """Yield the id of each document that may lack words of its file, and what it lacks."""
        for id_, coverage in self.coverage.items():
            if lost := [describe_omission(item, coverage.unit) for item in coverage.omissions if item.lost]:
                yield id_, "; ".join(lost)


def coverage_row(coverage: Coverage) -> dict[str, object]:
    """Return ``coverage`` as the JSON of the command line has it."""
    left_out = [
        {
            "what": item.what,
            "count": item.count,
            f"{coverage.unit or 'part'}s": list(item.parts),
            "detail": item.detail,
            "lost": item.lost,
        }
        for item in coverage.omissions
    ]
    row = {"unit": coverage.unit, "total": coverage.total, "read": coverage.read, "left_out": left_out}
    return {**row, "by_ocr": list(coverage.by_ocr)} if coverage.by_ocr else row


class IndexUpdate:
    """Writes one run into a catalogue, in which the caller has begun a transaction, and into the vector store.

    Args:
        open_vectors: returns the vector store; called only if there is something to embed.
        before_embedding: if given, all sources are read before it is called, and nothing is embedded before.
        on_embedded: called while chunks are embedded after all sources are read.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        open_vectors: Callable[[], VectorStore],
        embedder: Embedder,
        extract: Extract,
        *,
        before_embedding: BeforeEmbedding | None = None,
        on_embedded: OnEmbedded = lambda _, __: None,
    ) -> None:
        self.report = IndexReport()
        self._catalogue = catalogue
        self._open_vectors = open_vectors
        self._embedder = embedder
        self._extract = extract
        self._before_embedding = before_embedding
        self._on_embedded = on_embedded
        self._writer = ChunkWriter(embedder, open_vectors, self._report_embedded)
        self._to_embed: dict[str, None] = {}
        self._seen: set[str] = set()
        self._deferred: list[tuple[Source, dict[str, frozenset[str]]]] = []
        self._all_read = False

    def apply(self, items: Iterable[Source | Skipped], roots: Sequence[str], *, prune: bool, on_file: OnFile) -> None:
        """Make catalogue and vectors mirror ``items``, as :meth:`rag.store.index.Index.update` describes.

        Raises:
            EmbeddingDeclined: ``before_embedding`` returned False. The caller rolls the catalogue back.
        """
        try:
            self._read(items, roots, prune=prune, on_file=on_file)
            self._all_read = True
            if self._before_embedding is not None:
                self._announce(self._before_embedding)
            self._report_embedded()
            self._writer.wait()
            while self._to_embed:
                self._writer.start(self._next_window())
                self._writer.wait()
        except BaseException as error:
            self._writer.stop()
            if isinstance(error, Exception):  # the user who interrupts does not wait
                with suppress(Exception):
                    self._writer.wait()
            raise
        finally:
            self.report.embedded = self._writer.embedded

    def _read(self, items: Iterable[Source | Skipped], roots: Sequence[str], *, prune: bool, on_file: OnFile) -> None:
        """Update the catalogue; embed what is new meanwhile, unless ``before_embedding`` is to be asked first."""
        known = KnownSources(self._catalogue.sources())
        for item in items:
            on_file(item.path if isinstance(item, Skipped) else item.location, self._writer.embedded)
            self._seen |= self._skip(item, known) if isinstance(item, Skipped) else self._update_source(item, known)
            enough = len(self._to_embed) >= self._embedder.batch_size
            if enough and self._before_embedding is None and self._writer.idle:
                self._writer.start(self._next_window())
        for row in [row for row in known.rows.values() if row.id not in self._seen and (prune or row.root in roots)]:
            self.report.removed += len(self._catalogue.records_by_document(row.id))
            self._catalogue.delete_source(row.id)
        for source, before in self._deferred:
            self._put_documents(source, *self._extract(source), before)
        self.report.coverage = self._catalogue.coverages(self._seen)

    def _skip(self, item: Skipped, known: KnownSources) -> set[str]:
        """Report what cannot be read; return the ids of its sources in the catalogue, which are kept."""
        kept = known.sources_of(item)
        self.report.skipped.append(_with_kept_notice(item) if kept else item)
        return kept

    def _update_source(self, source: Source, known: KnownSources) -> set[str]:
        """Bring one source up to date; return its id."""
        source = known.with_own_id(source)
        before = known.rows.get(source.id)
        # What was read with OCR stays as it is in a run without.
        if before is not None and before.digest in {source.digest, with_ocr(source).digest}:
            self.report.unchanged += len(self._catalogue.records_by_document(source.id))
            self.report.skipped += [Skipped(path=path, reason=reason) for path, reason in before.problems]
            if before.root != source.root and not other_file_exists(source, before):
                self._put_source(replace(source, digest=before.digest), before.problems)
            return {source.id}
        documents, skipped = self._extract(source)
        known.rows[source.id] = _row_of(source)
        if documents:
            self._replace_source(source, documents, skipped)
        else:
            self.report.skipped += [_with_kept_notice(problem) for problem in skipped] if before else skipped
        return {source.id}

    def _replace_source(self, source: Source, documents: Sequence[Document], skipped: Sequence[Skipped]) -> None:
        """Replace the documents of ``source``, at the end of the run if a source still to be read has one of the ids.

        That source may have vanished, or may have lost the document to this one. Until then nobody has the ids.
        """
        before = self._catalogue.records_by_document(source.id)
        self._catalogue.delete_source(source.id)
        owners = {self._catalogue.source_of(document.id) for document in documents}
        if owners - self._seen - {None}:
            self._deferred.append((source, before))  # without its documents, which are read again
        else:
            self._put_documents(source, documents, skipped, before)

    def _put_documents(
        self,
        source: Source,
        documents: Sequence[Document],
        skipped: Sequence[Skipped],
        before: Mapping[str, frozenset[str]],
    ) -> None:
        """Store the documents of ``source``, which has none; ``before`` are the records of those that it had."""
        problems = list(skipped)
        complete = bool(documents)
        ids: set[str] = set()
        for document in documents:
            if owner := self._catalogue.source_of(document.id):
                fix = "give one of them another id" if owner != source.id else "ids must differ within a file"
                problems.append(
                    Skipped(path=source.location, reason=f"id {document.id} is already used by {owner}; {fix}")
                )
                complete = complete and owner == source.id
                continue
            records = self._chunk(document)
            if owner := self._catalogue.owner_of_ids(records):
                reason = f"a passage of {document.id} would have the id of one of {owner}; give it another id or name"
                problems.append(Skipped(path=source.location, reason=reason))
                continue
            self._to_embed |= dict.fromkeys(record for _, record in records)
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
        if not complete:  # the owner of an id may give it up: without a digest, the next run reads this source again
            source = replace(source, digest="")
        self._put_source(source, tuple((problem.path, problem.reason) for problem in problems))

    def _put_source(self, source: Source, problems: tuple[tuple[str, str], ...]) -> None:
        self._catalogue.put_source(_row_of(source, problems))

    def _chunk(self, document: Document) -> list[tuple[Chunk, str]]:
        """Chunk a document; return its chunks with their record ids."""
        chunks = chunk_document(document, count_tokens=count_tokens)
        records = [record_id(chunk, embedding_text(chunk, count_tokens)) for chunk in chunks]
        return list(zip(chunks, records, strict=True))

    def _next_window(self) -> dict[str, tuple[str, Chunk]]:
        """Remove the next chunks from those to embed and return them."""
        records = list(islice(self._to_embed, max(WINDOW, self._embedder.batch_size)))
        for record in records:
            del self._to_embed[record]
        return self._read_back(records)

    def _read_back(self, records: Sequence[str]) -> dict[str, tuple[str, Chunk]]:
        """Return the texts to embed and the chunks of ``records`` from the catalogue."""
        chunks = self._catalogue.chunks_by_record(records)
        return {record: (embedding_text(chunk, count_tokens), chunk) for record, chunk in chunks.items()}

    def _announce(self, before_embedding: BeforeEmbedding) -> None:
        """Count the chunks that are not stored, and ask ``before_embedding`` whether to embed them.

        Raises:
            EmbeddingDeclined: it returns False.
        """
        records = list(self._to_embed)
        stored = self._open_vectors().has(records) if records else set()
        self._to_embed = dict.fromkeys(record for record in records if record not in stored)
        documents: set[str] = set()
        tokens = 0
        new = list(self._to_embed)
        for start in range(0, len(new), WINDOW):
            for text, chunk in self._read_back(new[start : start + WINDOW]).values():
                documents.add(chunk.document_id)
                tokens += count_tokens(text)
        volume = EmbeddingVolume(passages=len(self._to_embed), documents=len(documents), tokens=tokens)
        if not before_embedding(volume):
            raise EmbeddingDeclined

    def _report_embedded(self) -> None:
        """Tell how many chunks are embedded, once it is known how many there are."""
        done = self._writer.embedded
        if self._all_read and (total := done + self._writer.waiting + len(self._to_embed)):
            self._on_embedded(done, total)


def _with_kept_notice(problem: Skipped) -> Skipped:
    return Skipped(path=problem.path, reason=f"{problem.reason}; what was indexed of it before is kept")


def _row_of(source: Source, problems: tuple[tuple[str, str], ...] = ()) -> SourceRow:
    return SourceRow(id=source.id, location=source.location, root=source.root, digest=source.digest, problems=problems)
