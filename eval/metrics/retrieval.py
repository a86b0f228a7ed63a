"""Measure dense, BM25, hybrid and reranked retrieval on a benchmark, and the time of a query.

The index is kept in a store of its own, so that only the first run on a corpus embeds it. The rank of a document is
that of its best chunk.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import CitebriefError, UsageError
from rag.ingest import Source
from rag.retrieval.hybrid import retrieve
from rag.retrieval.reranker import load_rerank_model, rerank_with_model
from rag.store import Index
from rag.types import Chunk, Document, Skipped

from .intervals import Interval, bootstrap_mean

if TYPE_CHECKING:
    from rag.embedding import Embedder

    from .benchmark import Benchmark

CHUNKS_PER_QUERY = 150
"""Chunks retrieved for each query. Recall at 100 documents needs more chunks than 100."""

MEASURES = ("nDCG@10", "R@10", "R@100", "RR@10")
"""The measures, as ir_measures names them."""

SOURCE_ID = "benchmark corpus"
"""The id of the one source that the index of a benchmark has."""


ShowProgress = Callable[[str, str, int | None, int | None], None]
"""Called with the stage, what is counted, and ``done`` of ``total`` if there is something to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeFigures:
    """One mode of retrieval: the mean of each of :data:`MEASURES` with its interval, and milliseconds a query.

    The time includes the embedding of the query where the mode needs it, and is for :data:`CHUNKS_PER_QUERY` chunks.
    """

    measures: Mapping[str, Interval]
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalReport:
    """The figures of a benchmark. ``embedded`` chunks of the index were new, which took ``index_seconds``."""

    directory: str
    split: str
    embedder: str
    store: str
    queries: int
    documents: int
    chunks: int
    embedded: int
    index_seconds: float
    modes: Mapping[str, ModeFigures]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as ``citebrief eval retrieval --json`` prints it."""
        return asdict(self)


def modes(k: int = CHUNKS_PER_QUERY) -> dict[str, Callable[[Index, str], list[Chunk]]]:
    """Return the modes of retrieval: for an index and a query the ``k`` best chunks, best first."""
    return {
        "dense": lambda index, query: _chunks(index.dense(index.embedder.embed_query(query), k)),
        "bm25": lambda index, query: _chunks(index.lexical(query, k)),
        "hybrid": lambda index, query: [hit.chunk for hit in retrieve(index, query, k=k)],
        "hybrid+rerank": lambda index, query: [
            hit.chunk for hit in rerank_with_model(index, query, load_rerank_model(), k=k)
        ],
    }


def benchmark_store(cache: Path, directory: Path, embedder: Embedder) -> Path:
    """Return the directory, inside ``cache``, of the index of the benchmark in ``directory``.

    Each embedder and each version of the chunker has a directory of its own.
    """
    key = json.dumps([str(directory.resolve()), Index(str(cache), embedder).parameters], sort_keys=True)
    return cache / "benchmarks" / f"{directory.resolve().name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def measure_retrieval(
    benchmark: Benchmark,
    queries: Mapping[str, str],
    names: Sequence[str],
    *,
    store: Path,
    embedder: Embedder,
    on_progress: ShowProgress,
) -> RetrievalReport:
    """Measure the modes ``names`` on ``queries``. Only what ``store`` does not have yet is embedded.

    Raises:
        UsageError: the corpus is malformed, or the store has other documents.
        IndexBusy, IndexMismatch: see :class:`rag.store.Index`.
        CitebriefError: ir_measures is not installed.
    """
    _require_ir_measures()
    index, embedded, seconds = open_benchmark_index(benchmark, store, embedder, on_progress)
    try:
        documents, chunks = index.catalogue.count()
        embedding = _embed_queries(index.embedder, list(queries.values()), on_progress)
        figures = {}
        for name in names:
            run, searching = _run_mode(index, name, queries, on_progress)
            milliseconds = 1000 * (searching + (0.0 if name == "bm25" else embedding)) / len(queries)
            values = measure_run({id_: benchmark.judgements[id_] for id_ in queries}, run)
            measures = {measure: interval for measure in MEASURES if (interval := bootstrap_mean(values[measure]))}
            figures[name] = ModeFigures(measures=measures, milliseconds=round(milliseconds, 2))
    finally:
        index.close()
    return RetrievalReport(
        directory=str(benchmark.directory),
        split=benchmark.split,
        embedder=embedder.name,
        store=str(store),
        queries=len(queries),
        documents=documents,
        chunks=chunks,
        embedded=embedded,
        index_seconds=round(seconds, 1),
        modes=figures,
    )


def format_retrieval(report: RetrievalReport) -> str:
    """Format ``report`` as a table for a terminal."""
    reused = "reused" if not report.embedded else f"{report.embedded:,} passages embedded in {report.index_seconds} s"
    lines = [
        f"{report.directory}, {report.split}: {report.queries:,} queries, {report.documents:,} documents, "
        f"{report.chunks:,} passages, embedder {report.embedder}",
        f"index {report.store}: {reused}",
        f"{'mode':14}{'nDCG@10 (95 % interval)':28}{'recall@10':>11}{'recall@100':>12}{'MRR@10':>9}{'ms a query':>12}",
    ]
    for name, mode in report.modes.items():
        ndcg, *others = (mode.measures[measure] for measure in MEASURES)
        bounds = "" if ndcg.low is None else f" ({ndcg.low:.4f} to {ndcg.high:.4f})"
        recall, deep_recall, reciprocal_rank = (f"{interval.mean:.4f}" for interval in others)
        lines.append(
            f"{name:14}{f'{ndcg.mean:.4f}{bounds}':28}{recall:>11}{deep_recall:>12}{reciprocal_rank:>9}"
            f"{mode.milliseconds:>12.1f}"
        )
    return "\n".join(lines)


def open_benchmark_index(
    benchmark: Benchmark, store: Path, embedder: Embedder, on_progress: ShowProgress
) -> tuple[Index, int, float]:
    """Bring the index in ``store`` up to date with the benchmark's corpus.

    Returns:
        the open index, the number of chunks that were embedded, and the seconds that it took.

    Raises:
        UsageError: the corpus is malformed, or the store has other documents.
        IndexBusy, IndexMismatch: see :class:`rag.store.Index`.
    """
    source = Source(
        id=SOURCE_ID, location=str(benchmark.directory), root=str(benchmark.directory), digest=benchmark.corpus_digest()
    )

    def extract_corpus(_: Source) -> tuple[list[Document], list[Skipped]]:
        documents = benchmark.documents()
        on_progress("read", f"splitting {len(documents):,} documents", None, None)
        return documents, []

    index = Index(str(store), embedder)
    started = time.perf_counter()
    try:
        _refuse_other_documents(index)
        report = index.update(
            [source],
            extract_corpus,
            [],
            before_embedding=lambda _: True,  # with it the embedding starts when its size is known, for the progress
            on_embedded=lambda done, total: on_progress("embed", "passages", done, total),
        )
    except BaseException:
        index.close()
        raise
    return index, report.embedded, time.perf_counter() - started


def _refuse_other_documents(index: Index) -> None:
    if others := set(index.catalogue.sources()) - {SOURCE_ID}:
        raise UsageError(f"--store {index.store} has other documents ({min(others)}): name another folder")


def _embed_queries(embedder: Embedder, queries: Sequence[str], on_progress: ShowProgress) -> float:
    """Return the seconds that the embedding of ``queries`` takes, one by one; the embedder caches the vectors.

    Without this, the mode that is measured first would pay for all.
    """
    embedder.embed_query("a query that loads the model")
    seconds = 0.0
    for done, query in enumerate(queries, 1):
        started = time.perf_counter()
        embedder.embed_query(query)
        seconds += time.perf_counter() - started
        on_progress("queries", "embedded", done, len(queries))
    return seconds


def _run_mode(
    index: Index, name: str, queries: Mapping[str, str], on_progress: ShowProgress
) -> tuple[dict[str, dict[str, float]], float]:
    """Return for each query the scores of its documents, and the seconds that the searches took."""
    search = modes()[name]
    search(index, next(iter(queries.values())))  # the first search opens the vectors, and the reranker its model
    seconds = 0.0
    run = {}
    for done, (id_, query) in enumerate(queries.items(), 1):
        started = time.perf_counter()
        chunks = search(index, query)
        seconds += time.perf_counter() - started
        run[id_] = document_scores(chunks)
        on_progress(name, "queries", done, len(queries))
    return run, seconds


def _require_ir_measures() -> None:
    try:
        import ir_measures  # noqa: F401
    except ImportError:
        raise CitebriefError("eval retrieval needs ir_measures: pip install 'citebrief[dev]'") from None


def measure_run(
    judgements: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]
) -> dict[str, list[float]]:
    """Return the values of each measure for the queries, in their order; a query without a result has 0.

    Args:
        judgements: for each query the relevance of the judged documents.
        run: for each query the scores of the documents found.
    """
    import ir_measures

    values: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    for metric in ir_measures.iter_calc(measures, judgements, run):
        values[str(metric.measure)][metric.query_id] = metric.value
    return {name: [found[query] for query in judgements] for name, found in values.items()}


def _chunks(found: Iterable[tuple[Chunk, float]]) -> list[Chunk]:
    return [chunk for chunk, _ in found]


def document_scores(chunks: Iterable[Chunk]) -> dict[str, float]:
    """Score each document by the reciprocal rank of its best chunk."""
    order = dict.fromkeys(chunk.document_id for chunk in chunks)
    return {document: 1 / rank for rank, document in enumerate(order, 1)}
