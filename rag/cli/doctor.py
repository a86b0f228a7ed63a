"""``citebrief doctor``: print what is installed and what would be used."""

from __future__ import annotations

import json
import sys

import click

from rag.cli.exit_status import FAILED
from rag.cli.options import embedder_option, json_option, store_option


@click.command("doctor")
@click.option("--llm", metavar="SPEC", help="Also ask this model one tiny question, and tell what its server takes.")
@store_option
@embedder_option
@json_option
def doctor_command(as_json: bool, **options: str | None) -> None:
    """Tell what is installed, which models and which index there are, and what would be used.

    Opens no connection but to the store, unless --llm is given; then it exits 1 if the model gives no usable answer.
    """
    from rag.cli.diagnostics import ask_model, diagnose
    from rag.config import load_settings

    settings = load_settings(options)
    findings, answered = diagnose(settings), True
    if options["llm"]:
        added, answered = ask_model(settings)
        findings |= added
    if as_json:
        click.echo(json.dumps(findings, ensure_ascii=False))
    else:
        width = max(len(name) for name in findings)
        for name, value in findings.items():
            click.echo(f"{name:{width}}  {value}")
    if not answered:
        sys.exit(FAILED)
