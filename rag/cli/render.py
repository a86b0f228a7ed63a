"""``citebrief render``: print the JSON file of a brief in another format."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rag.cli.options import format_option
from rag.cli.output import output_files, print_brief, write_brief

if TYPE_CHECKING:
    from rag.render import Format


@click.command("render")
@click.argument("brief")
@format_option
@click.option("--output", multiple=True, metavar="FILE", help="Write it instead: .md, .html, .json, .txt. Repeatable.")
def render_command(brief: str, output_format: Format | None, output: tuple[str, ...]) -> None:
    """Print the brief in the JSON file BRIEF in another format; asks no model. BRIEF - reads standard input.

    \b
    citebrief render briefs/links.json --output links.html
    """
    from rag.render.json import from_json, read_brief

    files = output_files(output)
    parsed = from_json(sys.stdin.read(), name="standard input") if brief == "-" else read_brief(brief)
    write_brief(parsed, files)
    if not output or output_format:
        print_brief(parsed, output_format)
