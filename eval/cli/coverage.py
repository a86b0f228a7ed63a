"""The command ``citebrief eval coverage``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag.errors import UsageError

from .options import collections_option, eval_json_option, eval_quiet_option, settings_from

if TYPE_CHECKING:
    from rag.progress import Step
    from rag.render.progress import Progress

    from ..metrics.coverage import CaseCoverage
    from ..runner.coverage_cases import CoverageCase


@click.command("coverage")
@click.argument("suite")
@collections_option
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    type=click.IntRange(min=1),
    metavar="TOKENS",
    help="Tokens of evidence. Repeatable. [2000, 4000, 12000]",
)
@click.option(
    "--indexes",
    default="build/coverage",
    show_default=True,
    metavar="DIR",
    help="Where an index of each collection is kept; only what changed is indexed again.",
)
@eval_json_option
@eval_quiet_option
def measure_coverage_of(
    suite: str, collections: tuple[str, ...], budgets: tuple[int, ...], indexes: str, as_json: bool, quiet: bool
) -> None:
    """Measure which aspects of a good answer have a passage among the evidence for the writer.

    SUITE is JSONL, a case a line: id, collection, question, aspects. Evidence is the best hits that fit into a budget
    of tokens, and, as "outline", the passages of the outline that is made without a model. A collection that is not
    here is left out.

    \b
    citebrief eval coverage eval/cases/coverage.jsonl --collection corpus=corpus
    citebrief eval coverage eval/cases/coverage.jsonl --collection rust-rfcs=rfcs/text --budget 8000 --json
    """
    from rag.render.progress import Progress

    from ..metrics.coverage import DEFAULT_BUDGETS, coverage_report, format_coverage
    from ..runner.coverage_cases import read_coverage_cases

    cases = read_coverage_cases(suite)
    paths = collection_paths(suite, collections, [case.collection for case in cases])
    results: list[CaseCoverage] = []
    with Progress(quiet=quiet) as display:
        for name, here in paths.items():
            own = [case for case in cases if case.collection == name]
            results += _measure_collection(own, here, Path(indexes) / name, budgets or DEFAULT_BUDGETS, display)
    report = coverage_report(results)
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else format_coverage(report))


def collection_paths(suite: str, options: Sequence[str], names: Iterable[str]) -> dict[str, list[str]]:
    """Return the paths of each collection that ``--collection`` gives; say which are left out, and why.

    Args:
        suite: the file of the suite, for messages.
        options: the values of ``--collection``.
        names: the collection of each case of the suite.

    Raises:
        UsageError: an option is not NAME=PATH, or names no collection of the suite, or no collection is here.
    """
    known = list(dict.fromkeys(names))
    given: defaultdict[str, list[str]] = defaultdict(list)
    for option in options:
        name, separator, path = option.partition("=")
        if not separator or not path or name not in known:
            raise UsageError(f"--collection {option}: not NAME=PATH with one of the suite's names: {', '.join(known)}")
        given[name].append(path)
    paths = {}
    for name in known:
        missing = [path for path in given[name] if not Path(path).exists()]
        if missing or not given[name]:
            why = f"{missing[0]} does not exist" if missing else "no --collection says where it is"
            click.echo(f"left out {name}: {why}", err=True)
        else:
            paths[name] = given[name]
    if not paths:
        raise UsageError(f"no collection of {suite} is here; say where one is: --collection {known[0]}=PATH")
    return paths


def _measure_collection(
    cases: Sequence[CoverageCase], paths: Sequence[str], store: Path, budgets: Sequence[int], display: Progress
) -> list[CaseCoverage]:
    """Bring the index of a collection up to date and measure its cases."""
    from rag import pipeline
    from rag.llm import open_embedder
    from rag.store import Index
    from rag.writing.session import Session

    from ..metrics.coverage import measure_case, places_not_indexed

    def show_step(step: Step) -> None:
        display(step.stage, step.message, step.done, step.total)

    settings = settings_from({"store": str(store), "llm": "extractive"})
    pipeline.index(paths, settings, prune=True, on_progress=show_step)
    results = []
    with Session(settings) as session:
        index = Index.open(settings.store, open_embedder(settings))
        try:
            places = ((case.id, place) for case in cases for aspect in case.aspects for place in aspect.places)
            for place in places_not_indexed(places, index):
                click.echo(f"not in the documents: {place}", err=True)
            for done, case in enumerate(cases, 1):
                results.append(measure_case(case, index, session, budgets, k=settings.k))
                display("eval", f"{case.collection}: questions", done, len(cases))
        finally:
            index.close()
    return results
