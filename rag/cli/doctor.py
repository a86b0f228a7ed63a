"""``citebrief doctor``: print what is installed and what would be used."""

from __future__ import annotations

import json

import click

from rag.cli.options import embedder_option, json_option, store_option


@click.command("doctor")
@store_option
@embedder_option
@json_option
def doctor_command(as_json: bool, **options: str | None) -> None:
    """Tell what is installed, which models and which index there are, and what would be used."""
    from rag.cli.diagnostics import diagnose
    from rag.config import load_settings

    findings = diagnose(load_settings(options))
    if as_json:
        click.echo(json.dumps(findings, ensure_ascii=False))
        return
    width = max(len(name) for name in findings)
    for name, value in findings.items():
        click.echo(f"{name:{width}}  {value}")
