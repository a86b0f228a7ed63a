"""``citebrief eval queries``: measure what a query's wording costs."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .coverage import collection_paths
from .options import collections_option, eval_json_option, eval_quiet_option, settings_from
from .retrieval import RETRIEVAL_MODES

if TYPE_CHECKING:
    from rag.progress import Step


@click.command("queries")
@click.argument("suite")
@collections_option
@click.option(
    "--indexes",
    default="build/queries",
    show_default=True,
    metavar="DIR",
    help="Where an index of each collection is kept; only what changed is indexed again.",
)
@click.option("--mode", "modes", multiple=True, type=click.Choice(RETRIEVAL_MODES), help="Repeatable. [all]")
@click.option("--half", type=click.Choice(["tune", "report"]), help="Only half of each kind: to tune on, or to report.")
@click.option("--as-written", is_flag=True, help="Search for the words as they are, without correcting them.")
@eval_json_option
@eval_quiet_option
def measure_queries_on(
    suite: str,
    collections: tuple[str, ...],
    indexes: str,
    modes: tuple[str, ...],
    half: str | None,
    as_written: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure long, vague, misspelt and otherwise difficult queries of SUITE: is the passage that answers found?

    SUITE is JSONL, a query a line: id, collection, kind, question, places, and clean, the question without its
    difficulty. A collection that is not here is left out.

    \b
    citebrief eval queries eval/cases/queries.jsonl --collection corpus=corpus
    """
    from rag import pipeline
    from rag.llm import open_embedder
    from rag.render.progress import Progress
    from rag.store import Index

    from ..metrics.coverage import places_not_indexed
    from ..metrics.queries import format_queries, measure_queries, queries_json, read_query_cases

    cases = read_query_cases(suite)
    paths = collection_paths(suite, collections, [case.collection for case in cases])
    with ExitStack() as stack:
        display = stack.enter_context(Progress(quiet=quiet))

        def show_step(step: Step) -> None:
            display(step.stage, step.message, step.done, step.total)

        opened = {}
        for name, here in paths.items():
            settings = settings_from({"store": str(Path(indexes) / name)})
            pipeline.index(here, settings, prune=True, on_progress=show_step)
            opened[name] = Index.open(settings.store, open_embedder(settings))
            stack.callback(opened[name].close)
            places = ((case.id, place) for case in cases if case.collection == name for place in case.places)
            for place in places_not_indexed(places, opened[name]):
                click.echo(f"not in the documents: {place}", err=True)
        measured = measure_queries(
            cases,
            opened,
            modes or RETRIEVAL_MODES,
            half=half,
            as_written=as_written,
            on_searched=lambda mode, done, total: display("search", mode, done, total),
        )
    click.echo(json.dumps(queries_json(measured), ensure_ascii=False) if as_json else format_queries(measured))
