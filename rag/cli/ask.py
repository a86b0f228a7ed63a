"""``citebrief ask``: answer a question with a brief."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from rag._internal.garbage import collect_rarely
from rag.cli.exit_status import FELL_SHORT, STOPPED
from rag.cli.options import (
    embedder_option,
    evidence_tokens_option,
    format_option,
    question_text,
    quiet_option,
    store_option,
    verifier_option,
)
from rag.cli.output import (
    check_writable,
    load_renderers,
    output_files,
    print_brief,
    print_message,
    progress_display,
    write_brief,
)
from rag.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from rag.config import Settings
    from rag.llm import ModelChoice
    from rag.render import Format
    from rag.types import Brief, Filter

PARTS_OF_LARGE_MODEL = {"brief": "the whole brief is quotations"}
"""What a large model's brief lacks without a usable reply, by the ``where`` of the repair."""


@click.command("ask")
@click.argument("question")
@click.option("--llm", metavar="SPEC", help="auto, openai:MODEL, local, local:PATH.gguf, extractive. [auto]")
@verifier_option
@format_option
@click.option("--output", multiple=True, metavar="FILE", help="Also write it: .md, .html, .json, .txt. Repeatable.")
@click.option(
    "--k", type=click.IntRange(1, 500), help="Passages to retrieve. [40, or as many as --evidence-tokens take]"
)
@evidence_tokens_option
@click.option("--sections", type=click.IntRange(1, 7), help="Sections at the most. [6]")
@click.option("--document", metavar="GLOB", help="Only evidence from documents whose id or title matches.")
@click.option("--since", metavar="DATE", help="Only evidence from documents of this ISO date or later.")
@click.option("--until", metavar="DATE", help="Only evidence from documents of this ISO date or earlier.")
@click.option("--explain", is_flag=True, help="Tell which sentences were repaired, and why.")
@store_option
@embedder_option
@quiet_option
def ask_command(
    question: str,
    output_format: Format | None,
    output: tuple[str, ...],
    document: str | None,
    since: str | None,
    until: str | None,
    explain: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Answer QUESTION with a cited brief. QUESTION - reads it from standard input.

    Exits 3 where the corpus does not answer it; the nearest passages are then printed. Exits 130 after Ctrl-C; a draft
    is kept as soon as there is one, and no FILE is written.

    \b
    citebrief ask "What did Manafort share with Kilimnik?"
    citebrief ask "What did the two inquiries conclude?" --llm extractive --format json | jq .gaps
    citebrief ask "Who met in the Seychelles?" --output brief.html --output brief.json
    """
    collect_rarely()
    from rag import pipeline
    from rag.config import load_settings
    from rag.llm import resolve
    from rag.verify import verifier_of_writer

    settings = load_settings(options)
    files = output_files(output)  # before the model is called: a wrong name should cost nothing
    for path in files:
        check_writable(path)
    load_renderers(files)
    choice = resolve(settings.llm, settings)
    verifier = verifier_of_writer(choice, settings)
    if not quiet:
        print_message(f"model: {choice.why}")
        if verifier and (described := verifier.describe(choice)):
            print_message(f"verifier: {described}")
    try:
        with progress_display(quiet) as show_step:
            brief = pipeline.answer(
                question_text(question), settings, where=_filter(document, since, until), on_progress=show_step
            )
    except Interrupted as interrupted:
        draft_path = _save_draft(interrupted.draft, settings)
        kept = f"the draft as it stood, every sentence a quotation or checked, is kept: citebrief render {draft_path}"
        if isinstance(interrupted.__cause__, KeyboardInterrupt):
            print_message(f"stopped; {kept}")
            sys.exit(STOPPED)
        print_message(kept)
        raise
    try:
        write_brief(brief, files, quiet=quiet)
    finally:  # what a full disk does not take is printed
        print_brief(brief, output_format)
    _print_parts_without_model(brief, choice)
    if explain:
        _print_repairs(brief)
    if brief.status != "answered":
        sys.exit(FELL_SHORT)


def _filter(document: str | None, since: str | None, until: str | None) -> Filter:
    from rag.types import Filter

    for name, date in (("--since", since), ("--until", until)):
        if date and not re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", date):
            raise UsageError(f"{name} {date}: write a date as 2019, 2019-04 or 2019-04-18")
    return Filter(document=document, since=since, until=until)


def _save_draft(draft: Brief, settings: Settings) -> Path:
    """Write an unfinished brief to the store's directory of drafts and return its path."""
    from rag import pipeline
    from rag._internal.files import write_atomically
    from rag.render import render

    path = pipeline.drafts_directory(settings) / f"{pipeline.draft_name(draft)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, render(draft, "json"))
    return path


def _print_parts_without_model(brief: Brief, choice: ModelChoice) -> None:
    """Say which parts of the brief are without the model since its replies could not be used, and why."""
    from rag.types import UNUSABLE_REPLY

    unusable = [repair for repair in brief.trace.repairs if repair.why.startswith(UNUSABLE_REPLY)]
    if choice.kind == "openai":
        advice = "; a server with structured output (OpenAI, vLLM, llama.cpp, Ollama) holds replies to the schema"
        for repair in unusable:
            part = PARTS_OF_LARGE_MODEL.get(repair.where, f"{repair.where}: without the model")
            print_message(f"{part}: {brief.trace.model}: {repair.why}{advice if 'schema' in repair.why else ''}")
    elif unusable:
        parts = "1 part of the brief is" if len(unusable) == 1 else f"{len(unusable)} parts are"
        print_message(f"{parts} without the model: {brief.trace.model}: {unusable[0].why}")


def _print_repairs(brief: Brief) -> None:
    for repair in brief.trace.repairs:
        print_message(f"{repair.where}: {repair.action}: {repair.why}")
        if repair.before:
            print_message(f"    was: {repair.before}")
    actions = [repair.action for repair in brief.trace.repairs]
    counts = ", ".join(f"{actions.count(action)} {action}" for action in dict.fromkeys(actions)) or "none"
    print_message(f"repairs: {counts}; seconds {dict(brief.trace.seconds)}; tokens {dict(brief.trace.tokens)}")
