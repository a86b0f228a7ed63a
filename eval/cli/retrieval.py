"""``citebrief eval retrieval``: measure retrieval on a benchmark with relevance judgements."""

from __future__ import annotations

import json
from pathlib import Path

import click

from rag.errors import UsageError

from .options import eval_json_option, eval_quiet_option, settings_from

RETRIEVAL_MODES = ("dense", "bm25", "hybrid", "hybrid+rerank")
"""The modes of ``eval retrieval``. Named here, because their functions need libraries that take time to import."""


@click.command("retrieval")
@click.argument("directory", metavar="FOLDER")
@click.option("--split", default="test", show_default=True, help="The judgements in qrels/SPLIT.tsv.")
@click.option(
    "--mode",
    "names",
    multiple=True,
    type=click.Choice(RETRIEVAL_MODES),
    help="What to measure, by default everything. Repeatable.",
)
@click.option("--limit", "--queries", "limit", type=click.IntRange(min=1), help="Only N queries, drawn with --seed.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the drawing.")
@click.option("--store", metavar="DIR", help="Folder of the benchmark's index. [in the user's cache]")
@click.option("--embedder", metavar="SPEC", help="minilm, or a sentence-transformers id or path. [minilm]")
@eval_json_option
@eval_quiet_option
def measure_retrieval_on(
    directory: str,
    split: str,
    names: tuple[str, ...],
    limit: int | None,
    seed: int,
    store: str | None,
    embedder: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure retrieval on a benchmark in BEIR's layout: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv.

    Prints nDCG@10, recall and MRR by mode, and milliseconds a query. The index is kept, and used again as long as
    corpus, embedder and version stay the same.

    \b
    citebrief eval retrieval scifact
    citebrief eval retrieval scifact --split train --mode hybrid --limit 200 --json
    """
    from rag.embedding import load_embedder
    from rag.render.progress import Progress

    from ..metrics.benchmark import read_benchmark
    from ..metrics.retrieval import benchmark_store, format_retrieval, measure_retrieval

    settings = settings_from({"embedder": embedder})
    if settings.embedder.startswith("openai:"):
        raise UsageError(f"embedder {settings.embedder}: eval retrieval measures embedders of this machine only")
    benchmark = read_benchmark(Path(directory), split)
    model = load_embedder(settings.embedder)
    own_store = benchmark_store(settings.cache_directory, benchmark.directory, model)
    with Progress(quiet=quiet) as display:
        report = measure_retrieval(
            benchmark,
            benchmark.sample_queries(limit, seed),
            names or RETRIEVAL_MODES,
            store=Path(store) if store else own_store,
            embedder=model,
            on_progress=display,
        )
    click.echo(json.dumps(report.as_dict()) if as_json else format_retrieval(report))
