"""``citebrief batch``: answer many questions into a run directory."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.cli.exit_status import FELL_SHORT, STOPPED
from rag.cli.options import embedder_option, evidence_tokens_option, quiet_option, store_option, verifier_option
from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.batch import AnswerMany
    from rag.config import Settings
    from rag.render import Format

BATCH_FORMATS: tuple[Format, ...] = ("json", "md", "html", "text")


@click.command()
@click.argument("questions")
@click.option("--out", required=True, metavar="DIR", help="Folder for the briefs, results.jsonl and manifest.json.")
@click.option("--resume", is_flag=True, help="Continue the batch in DIR: ask only what is missing or failed.")
@click.option("--overwrite", is_flag=True, help="Start over in DIR: remove the files that an earlier batch made there.")
@click.option("--force", is_flag=True, help="With --resume: also if DIR was made with something else.")
@click.option("--llm", metavar="SPEC", help="auto, openai:MODEL, local, local:PATH.gguf, extractive. [auto]")
@verifier_option
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="Questions at a time. [1, or 4 with a remote model; on Ray, that for each of its processors]",
)
@click.option(
    "--format", "formats", type=click.Choice(BATCH_FORMATS), multiple=True, help="In addition to json. [md and html]"
)
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
@click.option(
    "--replies",
    metavar="FOLDER",
    help="Folder of the response cache, which makes a repeated request free. [DIR/.replies]",
)
@click.option("--dry-run", is_flag=True, help="Only estimate tokens and dollars; no model is asked.")
@click.option(
    "--k",
    type=click.IntRange(1, 500),
    help="Passages to retrieve, unless the question sets k. [40, or as many as --evidence-tokens take]",
)
@evidence_tokens_option
@click.option(
    "--sections", type=click.IntRange(1, 7), help="Largest number of sections, unless the question sets it. [6]"
)
@click.option("--log-json", metavar="FILE", help="Append events, one JSON object a line; - is stderr.")
@store_option
@embedder_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@quiet_option
def batch(
    questions: str,
    out: str,
    resume: bool,
    overwrite: bool,
    force: bool,
    jobs: int | None,
    engine: str,
    formats: tuple[Format, ...],
    budget_usd: float | None,
    dry_run: bool,
    log_json: str | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Answer every question of QUESTIONS into the folder DIR.

    QUESTIONS is JSONL (question and, optionally, id, document, since, until, k, sections), CSV with these columns, or
    one question a line; - is standard input. DIR gets a file for each brief and format, and in results.jsonl a row for
    each question. --resume continues a batch, however it ended. Exits 3 if a question failed or the budget was spent,
    130 after Ctrl-C.

    \b
    citebrief batch questions.jsonl --out briefs --dry-run
    citebrief batch questions.jsonl --out briefs --llm openai:gpt-4.1-mini --jobs 16 --budget 20
    citebrief batch questions.jsonl --out briefs --llm openai:gpt-4.1-mini --jobs 16 --budget 20 --resume
    RAY_ADDRESS=head:6379 citebrief batch questions.jsonl --out briefs --engine ray --store chroma+http://head:8000
    """
    if overwrite and resume:
        raise UsageError("--resume continues the batch in DIR, --overwrite removes it: choose one of them")
    if force and not resume:
        raise UsageError("--force is for --resume")
    from rag import pipeline
    from rag._internal import events
    from rag.batch import (
        RESPONSE_CACHE,
        RunDirectory,
        build_manifest,
        default_jobs,
        open_budget,
        questions_digest,
        read_questions,
        run_batch,
    )
    from rag.config import load_settings
    from rag.llm import resolve_embedder
    from rag.render.bar import Bar
    from rag.verify import verifier_of_writer

    settings = load_settings(flags)
    parsed = read_questions(questions)
    cache = Path(out) / RESPONSE_CACHE
    if settings.replies is None and cache.is_dir():  # then the batch can be repeated without an API key
        settings = settings.model_copy(update={"replies": cache})
    choice, fingerprint = pipeline.identity(settings)
    verifier = verifier_of_writer(choice, settings)
    wanted = {"json", *(formats or ("md", "html"))}
    directory = RunDirectory(path=Path(out), formats=[form for form in BATCH_FORMATS if form in wanted])
    embedder = resolve_embedder(settings)
    if not quiet and embedder is not None and embedder.leaves:
        click.echo(f"embedder: {embedder.why('questions leave')}", err=True)
    if dry_run:
        from rag.batch.estimate import estimate_cost

        estimate = estimate_cost(directory.unanswered(parsed) if resume else parsed, settings, choice)
        click.echo(estimate.as_json() if as_json else estimate.as_text())
        return
    if not quiet:
        click.echo(f"model: {choice.why}", err=True)
        if verifier and (described := verifier.describe(choice)):
            click.echo(f"verifier: {described}", err=True)
    manifest = {**build_manifest(settings, choice, fingerprint), "questions": questions_digest(parsed)}
    with _engine(engine, settings) as (answer, workers), events.log_events_to(log_json), directory.locked():
        budget = open_budget(budget_usd, choice, settings, directory, new=overwrite)
        if overwrite:
            directory.overwrite(manifest, parsed)
        elif resume:
            directory.resume(manifest, fix="choose another --out, or continue all the same with --force", force=force)
        else:
            directory.start(manifest)
        with _stop_on_signal() as stop, Bar("batch", quiet=quiet) as bar:
            summary = run_batch(
                parsed,
                settings,
                directory,
                jobs=jobs or default_jobs(choice) * workers,
                budget=budget,
                stop=stop,
                answer=answer,
                on_row=bar,
                on_wait=bar.say,
            )
    click.echo(summary.as_json() if as_json else summary.as_text())
    if summary.ended == "stopped":
        click.echo("stopped; finished briefs and drafts are kept, and --resume asks only what is open", err=True)
        # Threads that still wait for a reply would delay the interpreter's own exit.
        sys.stdout.flush()
        os._exit(STOPPED)
    if summary.failed or summary.ended != "done":
        sys.exit(FELL_SHORT)


@contextmanager
def _engine(name: str, settings: Settings) -> Iterator[tuple[AnswerMany, int]]:
    """Yield the function that answers many questions on the engine ``name``, and its number of processors to use."""
    if name == "local":
        from rag.batch import answer_many

        yield answer_many, 1
        return
    from rag.batch.ray import cluster
    from rag.batch.ray.engine import answer_many_on_ray

    with cluster.connected(settings):
        yield answer_many_on_ray, cluster.processor_count()


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set. A second signal ends the process at once, without losing a brief."""
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        if stop.is_set():
            os._exit(STOPPED)
        stop.set()
        # Not through Python's own buffer, which the signal may have interrupted.
        with suppress(OSError):  # nobody may read it any more
            os.write(2, b"\nstopping: running questions end or are abandoned; press Ctrl-C again to quit at once\n")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
