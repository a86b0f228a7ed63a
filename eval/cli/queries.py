"""``citebrief eval queries``: measure what a query's wording costs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from rag.errors import UsageError

from .options import eval_json_option, eval_quiet_option, settings_from


@click.command("queries")
@click.argument("suite")
@click.option(
    "--collection",
    "collections",
    multiple=True,
    required=True,
    metavar="NAME=PATH",
    help="Where a collection of the suite is. Repeatable; the paths of one name are one collection.",
)
@click.option("--stores", metavar="DIR", help="Folder of the indexes, one a collection. [in the user's cache]")
@click.option("--mode", "modes", multiple=True, help="dense, bm25, hybrid or hybrid+rerank. Repeatable. [all]")
@click.option("--half", type=click.Choice(["tune", "report"]), help="Only half of each kind: to tune on, or to report.")
@click.option("--as-written", is_flag=True, help="Search for the words as they are, without correcting them.")
@eval_json_option
@eval_quiet_option
def measure_queries_on(
    suite: str,
    collections: tuple[str, ...],
    stores: str | None,
    modes: tuple[str, ...],
    half: str | None,
    as_written: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure long, vague, misspelt and otherwise difficult queries of SUITE: is the passage that answers found?

    SUITE is JSONL, a query a line: id, collection, kind, query, places, and clean, the query without its difficulty.
    Indexes are kept and brought up to date.

    \b
    citebrief eval queries eval/cases/queries.jsonl --collection corpus=corpus
    """
    from rag.embedding import load_embedder
    from rag.pipeline import index as update_index
    from rag.render.progress import Progress
    from rag.store import Index

    from ..metrics.queries import MODES, format_queries, measure_queries, queries_json, read_query_cases

    settings = settings_from({})
    if unknown := set(modes) - set(MODES):
        raise UsageError(f"--mode {min(unknown)}: choose {', '.join(MODES)}")
    cases = read_query_cases(suite)
    paths = _paths(collections, {case.collection for case in cases})
    directory = Path(stores) if stores else settings.cache_directory / "queries"
    embedder = load_embedder(settings.embedder)
    with ExitStack() as stack:
        display = stack.enter_context(Progress(quiet=quiet))
        indexes = {}
        for name, places in paths.items():
            own = settings.model_copy(update={"store": str(directory / name)})
            update_index(places, own, prune=True, on_progress=lambda s: display(s.stage, s.message, s.done, s.total))
            indexes[name] = Index.open(own.store, embedder)
            stack.callback(indexes[name].close)
        measured = measure_queries(
            cases,
            indexes,
            modes or MODES,
            half=half,
            as_written=as_written,
            on_searched=lambda mode, done, total: display("search", mode, done, total),
        )
    click.echo(json.dumps(queries_json(measured), ensure_ascii=False) if as_json else format_queries(measured))


def _paths(collections: Sequence[str], known: set[str]) -> dict[str, list[str]]:
    """Return the paths of each collection from the values of ``--collection``."""
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for value in collections:
        name, _, path = value.partition("=")
        if not path or name not in known:
            raise UsageError(f"--collection {value}: write NAME=PATH, NAME one of {', '.join(sorted(known))}")
        paths[name].append(path)
    return dict(paths)
