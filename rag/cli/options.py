"""Arguments and options that several commands share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.render import Format

OUTPUT_FORMATS: tuple[Format, ...] = ("md", "html", "json", "text")

store_option = click.option(
    "--store", metavar="DIR", help="Folder of the index, or chroma+http://host:port. [.citebrief]"
)
embedder_option = click.option(
    "--embedder", metavar="SPEC", help="minilm, a sentence-transformers id or path, openai:MODEL."
)
verifier_option = click.option(
    "--verifier",
    metavar="SPEC",
    help="What checks sentences: auto, support, llm:SPEC, hf:PATH_OR_ID, support+llm:SPEC. [auto]",
)
evidence_tokens_option = click.option(
    "--evidence-tokens",
    type=click.IntRange(1_000, 200_000),
    help="Tokens of passages that a large model chooses from at the most. [12000]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
quiet_option = click.option("--quiet", is_flag=True, help="Show no progress, only warnings and errors.")
format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(OUTPUT_FORMATS),
    help="What to print. [text on a terminal, else md]",
)


def question_text(argument: str) -> str:
    """Return the question given as ``argument``, read from standard input where that is ``-``.

    Raises:
        UsageError: the question is empty.
    """
    text = (sys.stdin.read() if argument == "-" else argument).strip()
    if not text:
        raise UsageError("the question is empty")
    return text
