"""The command ``citebrief eval answerability``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .coverage import collection_paths
from .options import collections_option, eval_json_option, eval_quiet_option, settings_from

if TYPE_CHECKING:
    from rag.progress import Step
    from rag.render.progress import Progress

    from ..metrics.answerability import AssessedCase
    from ..runner.answerability_cases import AnswerabilityCase


@click.command("answerability")
@click.argument("suite")
@collections_option
@click.option(
    "--indexes",
    default="build/answerability",
    show_default=True,
    metavar="DIR",
    help="Where an index of each collection is kept; only what changed is indexed again.",
)
@eval_json_option
@eval_quiet_option
def measure_answerability_of(
    suite: str, collections: tuple[str, ...], indexes: str, as_json: bool, quiet: bool
) -> None:
    """Measure how often questions are answered that a collection answers, and refused that it does not answer.

    SUITE is JSONL, a case a line: id, collection, question, answerable. Nothing is written. A collection that is not
    here is left out.

    \b
    citebrief eval answerability eval/cases/answerability.jsonl --collection corpus=corpus --collection tsc=minutes
    """
    from rag.render.progress import Progress

    from ..metrics.answerability import answerability_report, format_answerability
    from ..runner.answerability_cases import read_answerability_cases

    cases = read_answerability_cases(suite)
    paths = collection_paths(suite, collections, [case.collection for case in cases])
    results: list[AssessedCase] = []
    with Progress(quiet=quiet) as display:
        for name, here in paths.items():
            own = [case for case in cases if case.collection == name]
            results += _assess_collection(own, here, Path(indexes) / name, display)
    report = answerability_report(results)
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else format_answerability(report))


def _assess_collection(
    cases: Sequence[AnswerabilityCase], paths: Sequence[str], store: Path, display: Progress
) -> list[AssessedCase]:
    """Bring the index of a collection up to date and assess its cases."""
    from rag import pipeline
    from rag.types import Question
    from rag.writing.session import Session

    from ..metrics.answerability import AssessedCase

    def show_step(step: Step) -> None:
        display(step.stage, step.message, step.done, step.total)

    settings = settings_from({"store": str(store), "llm": "extractive"})
    pipeline.index(paths, settings, prune=True, on_progress=show_step)
    results = []
    with Session(settings) as session:
        for done, case in enumerate(cases, 1):
            _, found = session.assess(Question(id=case.id, text=case.question))
            best = max((max(each) for each in found.scores.by_chunk.values()), default=None)
            results.append(AssessedCase(case=case, answered=found.enough, best=best))
            display("eval", f"{case.collection}: questions", done, len(cases))
    return results
