"""``citebrief batch``: many questions, a folder of briefs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.batch.runner import Engine
    from rag.config import Settings
    from rag.render import Format

BELOW_THE_BAR = 3
STOPPED = 130
FORMATS: tuple[Format, ...] = ("json", "md", "html", "text")


@click.command()
@click.argument("questions")
@click.option("--out", required=True, metavar="DIR", help="Folder for the briefs, results.jsonl and manifest.json.")
@click.option("--resume", is_flag=True, help="Go on with DIR: ask only what is missing or failed.")
@click.option("--overwrite", is_flag=True, help="Begin anew in DIR: what an earlier batch made there is removed.")
@click.option("--force", is_flag=True, help="With --resume: although DIR was made with something else.")
@click.option("--llm", metavar="SPEC", help="auto, openai:MODEL, local, local:PATH.gguf, extractive. [auto]")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="Questions at a time. [1, or 4 with a remote model; on Ray, that for each of its processors]",
)
@click.option("--format", "forms", type=click.Choice(FORMATS), multiple=True, help="Beside json. [md and html]")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", help="Where to answer: here, or on Ray. [local]"
)
@click.option(
    "--budget",
    "budget_usd",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="Stop before DIR has cost more than this.",
)
@click.option("--rpm", type=click.IntRange(min=0), metavar="N", help="Requests a minute to the model. [no limit]")
@click.option("--tpm", type=click.IntRange(min=0), metavar="N", help="Tokens a minute, to and from it. [no limit]")
@click.option("--replies", metavar="FOLDER", help="Where replies are kept: asked again, they are free. [DIR/.replies]")
@click.option("--dry-run", is_flag=True, help="Only estimate tokens and dollars; no model is asked.")
@click.option("--k", type=click.IntRange(1, 500), help="Passages to retrieve, where a question says nothing. [40]")
@click.option("--sections", type=click.IntRange(1, 7), help="Sections at the most, likewise. [6]")
@click.option("--log-json", metavar="FILE", help="Append what happens, one JSON object a line; - is stderr.")
@click.option("--store", metavar="DIR", help="Folder of the index, or chroma+http://host:port. [.citebrief]")
@click.option("--embedder", metavar="SPEC", help="minilm, a sentence-transformers id or path, openai:MODEL.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def batch(
    questions: str,
    out: str,
    resume: bool,
    overwrite: bool,
    force: bool,
    jobs: int | None,
    engine: str,
    forms: tuple[Format, ...],
    budget_usd: float | None,
    dry_run: bool,
    log_json: str | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Answer every question of QUESTIONS into the folder DIR.

    QUESTIONS is JSONL (question, and if wanted id, document, since, until, k, sections), CSV with these columns, or a
    question a line; - is standard input. Each brief is a file a format, each question a row of DIR/results.jsonl.
    Whatever stops it, --resume goes on. Exits 3 if a question failed or the budget ended it, 130 after Ctrl-C.

    \b
    citebrief batch questions.jsonl --out briefs --dry-run
    citebrief batch questions.jsonl --out briefs --llm openai:gpt-4.1-mini --jobs 16 --budget 20
    citebrief batch questions.jsonl --out briefs --llm openai:gpt-4.1-mini --jobs 16 --budget 20 --resume
    RAY_ADDRESS=head:6379 citebrief batch questions.jsonl --out briefs --engine ray --store chroma+http://head:8000
    """
    if overwrite and resume:
        raise UsageError("--resume goes on with what is there, --overwrite removes it: choose one of them")
    if force and not resume:
        raise UsageError("--force is for --resume")
    from rag import pipeline
    from rag._internal import events
    from rag.batch import questions as asking
    from rag.batch import runner as batches
    from rag.batch.run_directory import REPLIES, RunDirectory
    from rag.config import load_settings
    from rag.render.bar import Bar

    settings = load_settings(flags)
    asked = asking.read_questions(questions)
    kept = Path(out) / REPLIES
    if settings.replies is None and kept.is_dir():  # then it can be replayed without a key
        settings = settings.model_copy(update={"replies": kept})
    choice, fingerprint = pipeline.identity(settings)
    wanted = forms or ("md", "html")
    directory = RunDirectory(path=Path(out), formats=[form for form in FORMATS if form == "json" or form in wanted])
    if dry_run:
        from rag.batch.estimate import estimate

        found = estimate(directory.missing(asked) if resume else asked, settings, choice)
        click.echo(found.as_json() if as_json else found.as_text())
        return
    if not quiet:
        click.echo(f"model: {choice.why}", err=True)
    made_with = {**batches.manifest(settings, choice, fingerprint), "questions": asking.digest(asked)}
    with _on(engine, settings) as (ask, hands), events.written_to(log_json), directory.locked():
        budget = batches.budget_for(budget_usd, choice, settings, directory, anew=overwrite)
        if overwrite:
            directory.begin_anew(made_with, asked)
        elif resume:
            directory.go_on(made_with, fix="choose another --out, or go on all the same with --force", force=force)
        else:
            directory.begin(made_with)
        with _stoppable() as stop, Bar("batch", quiet=quiet) as bar:
            summary = batches.run_batch(
                asked,
                settings,
                directory,
                jobs=jobs or batches.jobs_for(choice) * hands,
                budget=budget,
                stop=stop,
                engine=ask,
                on_row=bar,
                on_wait=bar.say,
            )
    click.echo(summary.as_json() if as_json else summary.as_text())
    if summary.ended == "stopped":
        # Threads that still wait for a reply would hold up the interpreter's own way out.
        sys.stdout.flush()
        os._exit(STOPPED)
    if summary.failed or summary.ended != "done":
        sys.exit(BELOW_THE_BAR)


@contextmanager
def _on(engine: str, settings: Settings) -> Iterator[tuple[Engine, int]]:
    """What asks the questions on ``engine``, and with how many hands."""
    if engine == "local":
        from rag.batch.parallel import answer_many

        yield answer_many, 1
        return
    from rag.batch.ray import cluster
    from rag.batch.ray.engine import answer_many

    with cluster.connected(settings):
        yield answer_many, cluster.processors()


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second one ends the program at once, which loses nothing either."""
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        if stop.is_set():
            os._exit(STOPPED)
        stop.set()
        # Not through Python's own buffer, in the midst of which the signal may have come.
        os.write(2, b"\nstopping: what runs is ended or left; once more to quit at once\n")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
