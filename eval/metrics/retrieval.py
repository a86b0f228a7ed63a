"""Retrieval on a benchmark with relevance judgements: dense, lexical, fused and ranked anew, and what that costs.

The folder is laid out as in BEIR (Thakur et al., NeurIPS 2021): ``corpus.jsonl``, ``queries.jsonl``,
``qrels/test.tsv``. A document ranks where its best chunk does.
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


def measure_retrieval(directory: Path, queries: int | None = None) -> dict[str, Any]:
    """nDCG@10, recall at 10 and 100 and reciprocal rank of each way of retrieving, over the first ``queries``.

    Raises:
        UsageError: the folder is not laid out so.
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
            judged = [
                ir_measures.Qrel(row["query-id"], row["corpus-id"], int(row["score"]))
                for row in csv.DictReader(file, delimiter="\t")
            ]
    except (OSError, KeyError, ValueError) as error:
        raise UsageError(f"{directory}: not a benchmark in BEIR's layout: {type(error).__name__}: {error}") from None
    asked = list(dict.fromkeys(qrel.query_id for qrel in judged))[:queries]
    source = Source(id="corpus", location=str(directory), root="", digest="")

    def known(_: Source) -> tuple[list[Document], list[Skipped]]:
        return documents, []

    with tempfile.TemporaryDirectory() as temporary:
        index = Index(str(Path(temporary) / "store"), load_encoder())
        try:
            report = index.update([source], known, [])
            found = {}
            seconds = {}
            for name, way in _ways(index).items():
                started = time.perf_counter()
                run = {query: _documents(way(texts[query])) for query in asked}
                seconds[name] = time.perf_counter() - started
                found[name] = _figures([qrel for qrel in judged if qrel.query_id in run], run)
        finally:
            index.close()
    return {
        "queries": len(asked),
        "documents": len(documents),
        "chunks": report.embedded,
        **found,
        "fused_over_dense_time": round(seconds["fused"] / seconds["dense"], 2),
        "reranked_seconds_a_query": round(seconds["reranked"] / len(asked), 2),
    }


def as_text(found: dict[str, Any]) -> str:
    """``found`` as lines to read."""
    lines = [f"{found['queries']} queries, {found['documents']} documents, {found['chunks']} chunks"]
    lines += [
        f"{name:8} " + "  ".join(f"{measure_retrieval} {value:.4f}" for measure_retrieval, value in found[name].items())
        for name in ("dense", "lexical", "fused", "reranked")
    ]
    lines.append(f"a fused query takes {found['fused_over_dense_time']} times a dense one")
    lines.append(f"ranking it anew takes {found['reranked_seconds_a_query']} s")
    return "\n".join(lines)


def _ways(index: Index) -> dict[str, Callable[[str], list[Chunk]]]:
    return {
        "dense": lambda query: [chunk for chunk, _ in index.dense(index.embedder.embed_query(query), DEPTH)],
        "lexical": lambda query: [chunk for chunk, _ in index.lexical(query, DEPTH)],
        "fused": lambda query: [hit.chunk for hit in retrieve(index, query, k=DEPTH)],
        "reranked": lambda query: [hit.chunk for hit in rerank(index, query, load_encoder().word_vectors, k=DEPTH)],
    }


def _figures(judged: list[Any], run: dict[str, dict[str, float]]) -> dict[str, float]:
    import ir_measures
    from ir_measures import RR, R, nDCG

    scored = ir_measures.calc_aggregate([nDCG @ 10, R @ 10, R @ 100, RR @ 10], judged, run)
    return {str(measure_retrieval): round(value, 4) for measure_retrieval, value in scored.items()}


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _documents(chunks: Iterable[Chunk]) -> dict[str, float]:
    """Document → score, falling with the place of its best chunk."""
    order = dict.fromkeys(chunk.document_id for chunk in chunks)
    return {document: 1 / place for place, document in enumerate(order, 1)}
