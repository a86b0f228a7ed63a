"""Measure dense, lexical, merged and reranked retrieval on a benchmark with relevance judgements, and their time.

The directory has the layout of BEIR (Thakur et al., NeurIPS 2021): ``corpus.jsonl``, ``queries.jsonl``,
``qrels/test.tsv``. The rank of a document is that of its best chunk.
"""

from __future__ import annotations

import csv
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rag.embedding import load_encoder
from rag.errors import CitebriefError, UsageError
from rag.ingest import Source
from rag.retrieval.hybrid import retrieve
from rag.retrieval.rerank import rerank
from rag.store import Index
from rag.types import Chunk, Document, Skipped

DEPTH = 150
"""Chunks retrieved for each query."""


def measure_retrieval(directory: Path, queries: int | None = None) -> dict[str, Any]:
    """Return nDCG@10, recall@10, recall@100 and MRR@10 of each retrieval method over the first ``queries``.

    Raises:
        UsageError: the directory does not have the layout of BEIR.
        CitebriefError: ir_measures is not installed.
    """
    try:
        import ir_measures
    except ImportError:
        raise CitebriefError("eval retrieval needs ir_measures: pip install 'citebrief[dev]'") from None
    try:
        documents = [
            Document(id=str(row["_id"]), title=row.get("title", ""), text=row["text"], source=str(row["_id"]))
            for row in _rows(directory / "corpus.jsonl")
            if row["text"].strip()
        ]
        texts = {str(row["_id"]): row["text"] for row in _rows(directory / "queries.jsonl")}
        with (directory / "qrels" / "test.tsv").open(encoding="utf-8") as file:
            qrels = [
                ir_measures.Qrel(row["query-id"], row["corpus-id"], int(row["score"]))
                for row in csv.DictReader(file, delimiter="\t")
            ]
    except (OSError, KeyError, ValueError) as error:
        raise UsageError(f"{directory}: not a benchmark in BEIR's layout: {type(error).__name__}: {error}") from None
    query_ids = list(dict.fromkeys(qrel.query_id for qrel in qrels))[:queries]
    source = Source(id="corpus", location=str(directory), root="", digest="")

    def extract_corpus(_: Source) -> tuple[list[Document], list[Skipped]]:
        return documents, []

    with tempfile.TemporaryDirectory() as temporary:
        index = Index(str(Path(temporary) / "store"), load_encoder())
        try:
            report = index.update([source], extract_corpus, [])
            figures = {}
            seconds = {}
            for name, search in _methods(index).items():
                started = time.perf_counter()
                run = {query: _document_scores(search(texts[query])) for query in query_ids}
                seconds[name] = time.perf_counter() - started
                figures[name] = _measure([qrel for qrel in qrels if qrel.query_id in run], run)
        finally:
            index.close()
    return {
        "queries": len(query_ids),
        "documents": len(documents),
        "chunks": report.embedded,
        **figures,
        "fused_over_dense_time": round(seconds["fused"] / seconds["dense"], 2),
        "reranked_seconds_a_query": round(seconds["reranked"] / len(query_ids), 2),
    }


def format_retrieval(figures: dict[str, Any]) -> str:
    """Format the result of :func:`measure_retrieval` for a terminal."""
    lines = [f"{figures['queries']} queries, {figures['documents']} documents, {figures['chunks']} chunks"]
    lines += [
        f"{name:8} " + "  ".join(f"{measure} {value:.4f}" for measure, value in figures[name].items())
        for name in ("dense", "lexical", "fused", "reranked")
    ]
    lines.append(f"a fused query takes {figures['fused_over_dense_time']} times a dense one")
    lines.append(f"ranking it anew takes {figures['reranked_seconds_a_query']} s")
    return "\n".join(lines)


def _methods(index: Index) -> dict[str, Callable[[str], list[Chunk]]]:
    return {
        "dense": lambda query: [chunk for chunk, _ in index.dense(index.embedder.embed_query(query), DEPTH)],
        "lexical": lambda query: [chunk for chunk, _ in index.lexical(query, DEPTH)],
        "fused": lambda query: [hit.chunk for hit in retrieve(index, query, k=DEPTH)],
        "reranked": lambda query: [hit.chunk for hit in rerank(index, query, load_encoder().word_vectors, k=DEPTH)],
    }


def _measure(qrels: list[Any], run: dict[str, dict[str, float]]) -> dict[str, float]:
    import ir_measures
    from ir_measures import RR, R, nDCG

    figures = ir_measures.calc_aggregate([nDCG @ 10, R @ 10, R @ 100, RR @ 10], qrels, run)
    return {str(measure): round(value, 4) for measure, value in figures.items()}


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _document_scores(chunks: Iterable[Chunk]) -> dict[str, float]:
    """Score each document by the reciprocal rank of its best chunk."""
    order = dict.fromkeys(chunk.document_id for chunk in chunks)
    return {document: 1 / rank for rank, document in enumerate(order, 1)}
