"""The main operations: :func:`index` documents, :func:`answer` a question. Read this file after ``rag/types.py``.

::

    documents → chunks → Chroma and BM25                    index()
    question → hits → outline → written → verified → brief  answer()

``rag/batch/parallel.py`` answers many questions at a time.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rag._internal.directories import can_create, user_cache
from rag._internal.ids import slug
from rag.errors import UsageError
from rag.llm import (
    EmbedderChoice,
    EmbeddingEstimate,
    ModelChoice,
    open_embedder,
    open_remote_embedder,
    resolve,
    resolve_embedder,
)
from rag.progress import OnProgress, Step, Throughput
from rag.store import EmbeddingVolume, Index, IndexReport, store_directory
from rag.types import Brief, Chunk, Document, Filter, Hit, Skipped

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable

    from rag.config import Settings
    from rag.embedding import Embedder
    from rag.ingest import Source


def index(
    paths: Sequence[str],
    settings: Settings,
    *,
    prune: bool = False,
    ocr: bool = False,
    embedder: Embedder | None = None,
    on_progress: OnProgress = lambda _: None,
) -> IndexReport:
    """Update the index so that it holds the documents of ``paths`` as they are now.

    If the embedder is on another machine, all that is new is read first, and ``on_progress`` says how many passages go
    where at about what cost before the first is sent.

    Args:
        paths: files, directories, globs and URLs.
        settings: the settings; they name the index.
        prune: remove documents that come from other paths.
        ocr: read the pages of a PDF that have no text by OCR.
        embedder: used in place of the one that the settings name, such as the one of ``rag/batch/ray/embedding.py``.
        on_progress: called for each document.

    Raises:
        UsageError: a path does not exist, the embedder cannot be used, or OCR is not installed.
        IndexBusy, IndexMismatch: see :class:`rag.store.index.Index`.
        ModelError: a remote embedder failed; what it has returned is kept and not requested again.
    """
    from rag.ingest import extract

    sources = _find_sources(paths, ocr=ocr)  # a path that does not exist fails here, before a store is made
    choice = None if embedder else resolve_embedder(settings)
    remote = None if embedder else open_remote_embedder(settings)
    store = Index(settings.store, embedder or remote or open_embedder(settings))
    throughput = Throughput()

    def announce(volume: EmbeddingVolume) -> bool:
        if choice is not None and volume.passages:
            on_progress(Step(stage="load", message=_estimate(choice, volume).as_text()))
        return True

    def on_wait(why: str) -> None:
        on_progress(Step(stage="wait", message=why))

    try:
        with remote.recording(on_wait) if remote else nullcontext(Counter[str]()) as tokens:
            report = store.update(
                sources,
                extract,
                _roots(paths),
                prune=prune,
                on_file=_file_progress(on_progress, throughput),
                before_embedding=announce if choice is not None and choice.leaves else None,
                on_embedded=lambda done, total: on_progress(
                    Step(
                        stage="embed",
                        message="passages",
                        done=done,
                        total=total,
                        speed=throughput.describe(done, total),
                    )
                ),
            )
        if remote:
            report.tokens, report.cost = tokens["prompt"], remote.rates.cost(tokens) if remote.rates else None
        return report
    finally:
        store.close()
        if remote:
            remote.close()


def estimate_index(
    paths: Sequence[str],
    settings: Settings,
    *,
    prune: bool = False,
    ocr: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> EmbeddingEstimate:
    """Return what :func:`index` would embed. Nothing is embedded, sent or written.

    Raises:
        UsageError, IndexBusy, IndexMismatch: see :func:`index`.
    """
    from rag.ingest import extract

    sources = _find_sources(paths, ocr=ocr)
    choice = resolve_embedder(settings)
    volumes: list[EmbeddingVolume] = []

    def decline(volume: EmbeddingVolume) -> bool:
        volumes.append(volume)
        return False

    with tempfile.TemporaryDirectory() as empty:
        exists = "://" in settings.store or (store_directory(settings.store) / "catalogue.sqlite").exists()
        store = Index(settings.store if exists else empty, open_embedder(settings))
        try:
            store.update(
                sources,
                extract,
                _roots(paths),
                prune=prune,
                on_file=_file_progress(on_progress, Throughput()),
                before_embedding=decline,
            )
        finally:
            store.close()
    return _estimate(choice or settings.embedder, volumes[0])


def search(
    query: str,
    settings: Settings,
    *,
    k: int,
    where: Filter | None = None,
    rerank: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> list[Hit]:
    """Return the ``k`` best hits for ``query``, best first; with ``rerank`` in the order of the packaged cross-encoder.

    ``on_progress`` is told where the query goes if the embedder is on another machine, and which words of it are
    corrected.
    """
    from rag.retrieval import rewording_notices, search_index

    choice = resolve_embedder(settings)
    if choice is not None and choice.leaves:
        on_progress(Step(stage="load", message=f"embedder: {choice.why('the query leaves')}"))
    with _opened(settings) as store:
        for notice in rewording_notices(store, query):
            on_progress(Step(stage="retrieve", message=notice))
        return search_index(store, query, k=k, where=where, rerank=rerank)


def show(chunk_id: str, settings: Settings, *, around: int = 600) -> tuple[Chunk, str, str]:
    """Return the chunk ``chunk_id`` and up to ``around`` characters of its document before and after it.

    Raises:
        UsageError: no chunk of the index has this id, or several have the shorter one of an earlier version.
    """
    with _opened(settings) as store:
        found = store.catalogue.chunks_with_id(chunk_id)
        if len(found) > 1:
            ids = ", ".join(chunk.id for chunk in found)
            raise UsageError(f"{chunk_id} is the id of several passages by the rule of an earlier version: {ids}")
        document = store.catalogue.document(found[0].document_id) if found else None
        if document is None:
            raise UsageError(f"no passage {chunk_id} in {settings.store}: `citebrief search` prints ids")
        [chunk] = found
        return chunk, document.text[max(0, chunk.start - around) : chunk.start], document.text[chunk.end :][:around]


def show_document(document_id: str, settings: Settings) -> tuple[Document, int]:
    """Return the document ``document_id`` and the number of its chunks.

    Raises:
        UsageError: no document of the index has this id.
    """
    with _opened(settings) as store:
        document = store.catalogue.document(document_id)
        if document is None:
            raise UsageError(f"no document {document_id} in {settings.store}: `citebrief search --json` prints ids")
        return document, store.catalogue.chunk_count(document_id)


def identity(settings: Settings) -> tuple[ModelChoice, str]:
    """Return the model and the fingerprint of the index; together with the settings they determine a brief.

    Raises:
        IndexMissing, IndexMismatch, UsageError: the index or the model cannot be used.
    """
    choice = resolve(settings.llm, settings)
    with _opened(settings) as store:
        return choice, store.fingerprint


def drafts_directory(settings: Settings) -> Path:
    """Return the directory that keeps the drafts of interrupted answers: in the store, if that can be written."""
    directory = store_directory(settings.store) / "drafts"
    return directory if can_create(directory) else user_cache() / "drafts"


def draft_name(brief: Brief) -> str:
    """Return the file name, without suffix, of the draft ``brief``: question and time, so that none is overwritten."""
    return f"{slug(brief.question)}-{time.strftime('%Y%m%d-%H%M%S')}"


def answer(
    question: str, settings: Settings, *, where: Filter | None = None, on_progress: OnProgress = lambda _: None
) -> Brief:
    """Return the brief that answers ``question`` from the index, or that says that the corpus does not answer it.

    Raises:
        Interrupted: writing was stopped; carries the verified draft.
        IndexMissing, IndexMismatch, ModelError, UsageError: raised before anything was written.
    """
    from rag.writing.session import Session

    with Session(settings) as session:
        return session.answer(question, where=where, on_progress=on_progress)


def retriever(settings: Settings, *, k: int = 10, where: Filter | None = None, rerank: bool = False) -> BaseRetriever:
    """Return a LangChain retriever over the index that finds and ranks as :func:`search` does.

    It keeps the index open. See :func:`rag.retrieval.index_retriever` for the metadata of its documents.
    """
    from rag.retrieval import index_retriever

    return index_retriever(Index.open(settings.store, open_embedder(settings)), k=k, where=where, rerank=rerank)


def chain(settings: Settings) -> Runnable[str, Brief]:
    """Return :func:`answer` as a LangChain ``Runnable`` from a question to a :class:`rag.types.Brief`."""
    from langchain_core.runnables import RunnableLambda

    return RunnableLambda(lambda question: answer(question, settings), name="citebrief")


@contextmanager
def _opened(settings: Settings) -> Iterator[Index]:
    """Open the index of ``settings`` for the block."""
    store = Index.open(settings.store, open_embedder(settings))
    try:
        yield store
    finally:
        store.close()


def _estimate(choice: EmbedderChoice | str, volume: EmbeddingVolume) -> EmbeddingEstimate:
    """Return the estimate for ``volume`` with a remote embedder, or with the local one of a spec."""
    if isinstance(choice, str):
        return EmbeddingEstimate(model=choice, host=None, cost=0.0, **asdict(volume))
    return choice.estimate(passages=volume.passages, documents=volume.documents, tokens=volume.tokens)


def _file_progress(on_progress: OnProgress, throughput: Throughput) -> Callable[[str, int], None]:
    def on_file(path: str, embedded: int) -> None:
        speed = throughput.describe(embedded)
        done = f"{embedded:,} passages embedded{f', {speed}' if speed else ''}"
        on_progress(Step(stage="read", message=f"{path} ({done})"))

    return on_file


def _find_sources(paths: Sequence[str], *, ocr: bool) -> Iterator[Source | Skipped]:
    """Return what is found in ``paths``, to be read by OCR where it has no text and ``ocr`` is set."""
    from rag.ingest import Source, find, require_ocr, with_ocr

    if ocr:
        require_ocr()
    return (with_ocr(item) if ocr and isinstance(item, Source) else item for item in find(paths))


def _roots(paths: Sequence[str]) -> list[str]:
    """Return ``paths`` as :mod:`rag.ingest` names roots: resolved, except for URLs and globs."""
    from rag.ingest import root_of

    return [root_of(path) for path in paths]
