"""Compare ways to merge dense and lexical search on benchmarks in BEIR's layout.

    python -m eval.training.retrieval.fusion scifact:train cranfield --limit 400

Prints nDCG@10 by method and benchmark (``FOLDER`` or ``FOLDER:SPLIT``), and the difference from rank fusion over all
queries with its 95 % interval. The indexes are those that ``citebrief eval retrieval`` keeps. Near-duplicates stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.config import load_settings
from rag.embedding import load_encoder
from rag.render.progress import Progress
from rag.store import Index
from rag.types import Chunk

from ...metrics.benchmark import Benchmark, read_benchmark
from ...metrics.intervals import paired_difference
from ...metrics.retrieval import benchmark_store, document_scores, measure_run, open_benchmark_index

POOL = 80
"""Chunks that each search returns: twice the passages of a brief, as in :func:`rag.retrieval.retrieve`."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The chunks that either search returned for a query; the arrays have a value per chunk.

    Ranks count from 1 and are infinite where the search did not return the chunk; ``bm25`` is 0 there.
    """

    chunks: list[Chunk]
    cosines: Floats
    bm25: Floats
    dense_ranks: Floats
    lexical_ranks: Floats


Method = Callable[[Candidates], Floats]
"""Maps candidates to their merged scores."""


def rank_fusion(k: float) -> Method:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009) with the constant ``k``."""
    return lambda found: 1 / (k + found.dense_ranks) + 1 / (k + found.lexical_ranks)


def min_max(dense_weight: float) -> Method:
    """The convex combination of :mod:`rag.retrieval.fusion` with another weight."""
    return lambda found: (
        dense_weight * _scale(found.cosines, found.cosines.min()) + (1 - dense_weight) * _scale(found.bm25, 0.0)
    )


def theoretical_min_max(dense_weight: float) -> Method:
    """The same with 0 as the lowest cosine, whatever was found."""
    return lambda found: dense_weight * _scale(found.cosines, 0.0) + (1 - dense_weight) * _scale(found.bm25, 0.0)


def z_scores(dense_weight: float) -> Method:
    """A convex combination of standard scores."""
    return lambda found: dense_weight * _standardise(found.cosines) + (1 - dense_weight) * _standardise(found.bm25)


METHODS: Mapping[str, Method] = {
    "rank fusion, k 60": rank_fusion(60),
    "rank fusion, k 20": rank_fusion(20),
    "rank fusion, k 5": rank_fusion(5),
    "dense": lambda found: -found.dense_ranks,
    "bm25": lambda found: -found.lexical_ranks,
    **{f"min-max, {weight}": min_max(weight) for weight in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75)},
    **{f"theoretical min-max, {weight}": theoretical_min_max(weight) for weight in (0.6, 0.65, 0.7)},
    **{f"z-scores, {weight}": z_scores(weight) for weight in (0.6, 0.65, 0.7)},
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", nargs="+", metavar="FOLDER[:SPLIT]")
    parser.add_argument("--limit", type=int, help="queries of each benchmark, drawn with --seed")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    results = {}
    with Progress() as display:
        for spec in args.benchmarks:
            directory, _, split = spec.partition(":")
            benchmark = read_benchmark(Path(directory), split or "test")
            queries = benchmark.sample_queries(args.limit, args.seed)
            results[spec] = ndcg_by_method(benchmark, queries, display)
    print(format_table(results))


def ndcg_by_method(benchmark: Benchmark, queries: Mapping[str, str], on_progress: Progress) -> dict[str, list[float]]:
    """Return nDCG@10 of each method for each of ``queries``."""
    encoder = load_encoder()
    store = benchmark_store(load_settings().cache_directory, benchmark.directory, encoder)
    index, _, _ = open_benchmark_index(benchmark, store, encoder, on_progress)
    runs: dict[str, dict[str, dict[str, float]]] = {name: {} for name in METHODS}
    try:
        for done, (id_, query) in enumerate(queries.items(), 1):
            found = find_candidates(index, query)
            for name, method in METHODS.items():
                order = np.argsort(-method(found), kind="stable")
                runs[name][id_] = document_scores(found.chunks[i] for i in order)
            on_progress(benchmark.directory.name, "queries", done, len(queries))
    finally:
        index.close()
    judgements = {id_: benchmark.judgements[id_] for id_ in queries}
    return {name: measure_run(judgements, run)["nDCG@10"] for name, run in runs.items()}


def find_candidates(index: Index, query: str) -> Candidates:
    """Search ``index`` in both ways, and return what either of them found, ordered by chunk id."""
    vector = index.embedder.embed_query(query)
    dense = [chunk for chunk, _ in index.dense(vector, POOL)]
    lexical = index.lexical(query, POOL)
    chunks = sorted({chunk.id: chunk for chunk in (*dense, *(chunk for chunk, _ in lexical))}.values(), key=_chunk_id)
    dense_ranks = {chunk.id: rank for rank, chunk in enumerate(dense, 1)}
    lexical_ranks = {chunk.id: rank for rank, (chunk, _) in enumerate(lexical, 1)}
    bm25 = {chunk.id: score for chunk, score in lexical}
    return Candidates(
        chunks=chunks,
        cosines=np.asarray(index.vectors(chunks) @ np.array(vector, dtype=np.float32), float),
        bm25=np.array([bm25.get(chunk.id, 0.0) for chunk in chunks]),
        dense_ranks=np.array([dense_ranks.get(chunk.id, np.inf) for chunk in chunks]),
        lexical_ranks=np.array([lexical_ranks.get(chunk.id, np.inf) for chunk in chunks]),
    )


def format_table(results: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Format nDCG@10 by method and benchmark as a Markdown table; the last column is over all queries."""
    names = [f"{Path(spec).name} ({len(next(iter(values.values())))})" for spec, values in results.items()]
    lines = [
        f"| method | {' | '.join(names)} | against rank fusion, k 60 |",
        f"|---|{'---|' * len(names)}---|",
    ]
    baseline = [value for values in results.values() for value in values["rank fusion, k 60"]]
    for method in METHODS:
        means = [f"{np.mean(values[method]):.4f}" for values in results.values()]
        change = paired_difference(baseline, [value for values in results.values() for value in values[method]])
        shown = (
            ""
            if change is None or change.low is None
            else f"{change.mean:+.4f} ({change.low:+.4f} to {change.high:+.4f})"
        )
        lines.append(f"| {method} | {' | '.join(means)} | {shown} |")
    return "\n".join(lines)


def _chunk_id(chunk: Chunk) -> str:
    return chunk.id


def _scale(scores: Floats, lowest: float) -> Floats:
    span = scores.max() - lowest
    return (scores - lowest) / span if span > 0 else scores * 0


def _standardise(scores: Floats) -> Floats:
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > 0 else scores * 0


if __name__ == "__main__":
    main()
