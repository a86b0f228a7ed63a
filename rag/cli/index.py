"""``citebrief index``: read documents into the index."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from rag.cli.exit_status import FAILED
from rag.cli.options import embedder_option, json_option, quiet_option, store_option
from rag.cli.output import print_message, progress_display

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.embedding import Embedder
    from rag.progress import Step
    from rag.store import IndexReport
    from rag.types import Skipped

NAMED_SKIPPED = 5
"""Skipped files with one reason that are named; where there are more, only so many, in one line."""


@click.command("index")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--prune", is_flag=True, help="Also remove documents that are under none of the PATHs.")
@click.option("--ocr", is_flag=True, help="Read pages of PDF files that have no text by OCR (extra: citebrief[ocr]).")
@click.option("--strict", is_flag=True, help="Exit 1 if anything could not be read, or only in part.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", help="Where to embed: here, or on Ray. [local]"
)
@click.option("--dry-run", is_flag=True, help="Only tell how much would be embedded, where and at what cost.")
@store_option
@embedder_option
@json_option
@quiet_option
def index_command(
    paths: tuple[str, ...],
    prune: bool,
    ocr: bool,
    strict: bool,
    engine: str,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **options: str | None,
) -> None:
    """Index files, folders, globs and URLs (default: corpus/).

    Each PATH is mirrored: new and changed documents are read, vanished ones leave. What cannot be read is
    named with its reason, and the rest is indexed. --json and `citebrief show --document ID` tell of each
    document how many pages or parts were read, and what was left out. Exits 1 where the index has no document then.

    \b
    citebrief index                         the folder corpus/
    citebrief index reports/ notes.md --strict
    citebrief index 'papers/**/*.pdf' --store papers.index
    citebrief index papers/ --store papers.index --embedder openai:text-embedding-3-small --dry-run
    RAY_ADDRESS=head:6379 citebrief index archive/ --engine ray --store chroma+http://head:8000
    """
    from rag import pipeline
    from rag.config import load_settings

    settings = load_settings(options)
    roots = list(paths) or ["corpus"]
    if dry_run:
        with progress_display(quiet) as show_step:
            estimate = pipeline.estimate_index(roots, settings, prune=prune, ocr=ocr, on_progress=show_step)
        click.echo(estimate.as_json() if as_json else estimate.as_text())
        return
    with progress_display(quiet) as show_step, _embedder_for(engine, settings) as embedder:

        def show(step: Step) -> None:
            if step.stage != "load":
                show_step(step)
            elif not quiet:  # what leaves the machine; the display could cut the line
                print_message(step.message)

        report = pipeline.index(roots, settings, prune=prune, ocr=ocr, embedder=embedder, on_progress=show)
    if as_json:
        click.echo(report.as_json())
    else:
        click.echo(
            f"{report.added} added, {report.changed} changed, {report.removed} removed, {report.unchanged} unchanged; "
            f"{report.embedded} passages embedded{_usage(report)}"
        )
    from rag.ingest import IGNORED_REASON, NO_TEXT_LAYER, OCR_ADVICE
    from rag.render.cleaning import single_line

    problems = [item for item in report.skipped if item.reason != IGNORED_REASON]
    for line in _skipped_lines(problems):
        print_message(line)
    if len(report.skipped) > len(problems) and not quiet:
        print_message(f"{len(report.skipped) - len(problems)} left out by .citebriefignore")
    lossy = list(report.losses())
    for id_, lost in lossy:
        print_message(f"partly read {single_line(id_)}: {lost}")
    if not ocr and any(NO_TEXT_LAYER in lost for _, lost in lossy):
        print_message(f"pages without a text layer: {OCR_ADVICE}")
    if not (report.added or report.changed or report.unchanged):
        print_message(f"nothing was indexed: {', '.join(map(single_line, roots))} has no file that can be read")
    if not report.in_index or (strict and (problems or lossy)):
        sys.exit(FAILED)


def _skipped_lines(problems: Sequence[Skipped]) -> Iterator[str]:
    """Yield a line for each skipped file, and one for all with the same reason where they are many."""
    from rag.render.cleaning import single_line

    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for item in problems:
        by_reason[item.reason].append(single_line(item.path))
    for reason, paths in by_reason.items():
        if len(paths) > NAMED_SKIPPED:
            yield f"skipped {len(paths)} files: {reason}: {', '.join(paths[:NAMED_SKIPPED])}, … (--json names all)"
        else:
            yield from (f"skipped {path}: {reason}" for path in paths)


def _usage(report: IndexReport) -> str:
    """Return what a remote embedder was sent and costs, or nothing for a local one."""
    if report.tokens is None:
        return ""
    cost = "of unknown price" if report.cost is None else f"for ${report.cost:,.4f}"
    return f", {report.tokens:,} tokens {cost}"


def _embedder_for(engine: str, settings: Settings) -> AbstractContextManager[Embedder | None]:
    """Return the embedder of ``engine``; None stands for the pipeline's own embedder in this process."""
    if engine != "ray":
        return nullcontext()
    from rag.batch.ray import embedding

    return embedding.ray_embedder(settings)
