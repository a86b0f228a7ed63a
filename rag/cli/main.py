"""The command line: parse, call the pipeline, print. Nothing heavy is imported before it must be.

Data goes to stdout, everything else to stderr. Exit status: 0 done, 1 failed, 2 wrong usage, 3 ran but the evidence is
insufficient, 4 the index is missing or was built with something else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from rag.cli.batch import batch
from rag.errors import CitebriefError, Interrupted, UsageError
from rag.eval.cli.commands import evaluate

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.embedding import Embedder
    from rag.progress import Step
    from rag.render import Format
    from rag.types import Brief, Filter

INSUFFICIENT = 3
FORMATS = ("md", "html", "json", "text")
DELIBERATE = "left out by"
"""How ingest's reason begins for a file that its owner excluded: no problem, with --strict neither."""

_store = click.option("--store", metavar="DIR", help="Folder of the index, or chroma+http://host:port. [.citebrief]")
_embedder = click.option("--embedder", metavar="SPEC", help="minilm, a sentence-transformers id or path, openai:MODEL.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
_quiet = click.option("--quiet", is_flag=True, help="Show no progress.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("citebrief"), prog_name="citebrief")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Briefs in which every sentence cites the passages that state it, checked before you read them.

    \b
    citebrief index corpus/
    citebrief ask "What are the links between Trump and Putin?" --llm local
    """


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--prune", is_flag=True, help="Also remove documents that are under none of the PATHs.")
@click.option("--strict", is_flag=True, help="Exit 1 if anything could not be read.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", help="Where to embed: here, or on Ray. [local]"
)
@_store
@_embedder
@_json
@_quiet
def index(
    paths: tuple[str, ...], prune: bool, strict: bool, engine: str, as_json: bool, quiet: bool, **flags: str | None
) -> None:
    """Index files, folders, globs and URLs (default: corpus/).

    Each PATH is mirrored: new and changed documents are read, vanished ones leave. What cannot be read is
    named with its reason, and the rest is indexed.

    \b
    citebrief index                         the folder corpus/
    citebrief index reports/ notes.md --strict
    citebrief index 'papers/**/*.pdf' --store papers.index
    RAY_ADDRESS=head:6379 citebrief index archive/ --engine ray --store chroma+http://head:8000
    """
    from rag import pipeline

    settings = _settings(flags)
    with _progress(quiet) as tell, _embedder_on(engine, settings) as embedder:
        report = pipeline.index(list(paths) or ["corpus"], settings, prune=prune, embedder=embedder, on_progress=tell)
    if as_json:
        click.echo(report.as_json())
    else:
        click.echo(
            f"{report.added} added, {report.changed} changed, {report.removed} removed, {report.unchanged} unchanged; "
            f"{report.embedded} passages embedded"
        )
    problems = [item for item in report.skipped if not item.reason.startswith(DELIBERATE)]
    for item in problems:
        _say(f"skipped {item.path}: {item.reason}")
    if len(report.skipped) > len(problems):
        _say(f"{len(report.skipped) - len(problems)} left out by .citebriefignore")
    if strict and problems:
        sys.exit(1)


@cli.command()
@click.argument("query")
@click.option("--k", type=click.IntRange(1, 500), default=10, show_default=True, help="Passages to print.")
@_store
@_embedder
@_json
def search(query: str, k: int, as_json: bool, **flags: str | None) -> None:
    """Print the passages nearest to QUERY, best first.

    \b
    citebrief search "polling data" --k 5
    citebrief search "polling data" --json | jq -r '.[].chunk_id'
    """
    from rag import pipeline
    from rag.render import wording

    hits = pipeline.search(_read(query), _settings(flags), k=k)
    if as_json:
        rows = [
            {
                "rank": hit.rank,
                "score": hit.score,
                "chunk_id": hit.chunk.id,
                "document_id": hit.chunk.document_id,
                "title": hit.chunk.title,
                "heading_path": list(hit.chunk.heading_path),
                "pages": hit.chunk.pages,
                "found_by": list(hit.found_by),
                "text": hit.chunk.text,
            }
            for hit in hits
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for hit in hits:
        click.secho(f"{hit.rank}. {wording.line(hit.chunk.context)}", bold=True)
        click.echo(f"   {hit.chunk.id}  {hit.score:.4f}  {' + '.join(hit.found_by)}")
        click.echo(f"   {wording.line(hit.chunk.text)}\n")


@cli.command()
@click.argument("chunk_id")
@_store
@_embedder
@_json
def show(chunk_id: str, as_json: bool, **flags: str | None) -> None:
    """Print the passage CHUNK_ID in its surroundings.

    \b
    citebrief show papadopoulos-md.e027695b
    """
    from rag import pipeline
    from rag.render import wording

    chunk, before, after = pipeline.show(chunk_id, _settings(flags))
    if as_json:
        row = {
            "chunk_id": chunk.id,
            "document_id": chunk.document_id,
            "title": chunk.title,
            "source": chunk.source,
            "date": chunk.date,
            "heading_path": list(chunk.heading_path),
            "pages": chunk.pages,
            "start": chunk.start,
            "end": chunk.end,
            "before": before,
            "text": chunk.text,
            "after": after,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    pages = f", p. {chunk.pages[0]}" if chunk.pages else ""
    click.secho(f"{wording.line(chunk.context)}{pages}", bold=True)
    click.echo(f"{wording.line(chunk.source)}  {chunk.date or ''}  characters {chunk.start} to {chunk.end}\n")
    click.secho(wording.visible(before), dim=True, nl=False)
    click.secho(wording.visible(chunk.text), bold=True, nl=False)
    click.secho(wording.visible(after), dim=True)


@cli.command()
@click.argument("question")
@click.option("--llm", metavar="SPEC", help="auto, openai:MODEL, local, local:PATH.gguf, extractive. [auto]")
@click.option("--format", "form", type=click.Choice(FORMATS), help="What to print. [text on a terminal, else md]")
@click.option("--output", multiple=True, metavar="FILE", help="Also write it: .md, .html, .json, .txt. Repeatable.")
@click.option("--k", type=click.IntRange(1, 500), help="Passages to retrieve. [40]")
@click.option("--sections", type=click.IntRange(1, 7), help="Sections at the most. [6]")
@click.option("--document", metavar="GLOB", help="Only evidence from documents whose id or title matches.")
@click.option("--since", metavar="DATE", help="Only evidence from documents of this ISO date or later.")
@click.option("--until", metavar="DATE", help="Only evidence from documents of this ISO date or earlier.")
@click.option("--explain", is_flag=True, help="Tell which sentences were repaired, and why.")
@_store
@_embedder
@_quiet
def ask(
    question: str,
    form: Format | None,
    output: tuple[str, ...],
    document: str | None,
    since: str | None,
    until: str | None,
    explain: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Answer QUESTION with a cited brief. QUESTION - reads it from standard input.

    Exits 3 where the corpus does not answer it; the nearest passages are then printed.

    \b
    citebrief ask "What did Manafort share with Kilimnik?"
    citebrief ask "What did the two inquiries conclude?" --llm extractive --format json | jq .gaps
    citebrief ask "Who met in the Seychelles?" --output brief.html --output brief.json
    """
    from rag import pipeline
    from rag._internal.files import write_atomically
    from rag.llm import resolve
    from rag.render import format_of, render

    settings = _settings(flags)
    formats = {path: format_of(path) for path in output}  # a wrong name is told before anything is spent
    for path in output:
        _writable(Path(path))
    choice = resolve(settings.llm, settings)
    if not quiet:
        _say(f"model: {choice.why}")
    try:
        with _progress(quiet) as tell:
            brief = pipeline.answer(_read(question), settings, where=_where(document, since, until), on_progress=tell)
    except Interrupted as stop:
        kept = pipeline.drafts_directory(settings) / f"{pipeline.draft_name(stop.draft)}.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, render(stop.draft, "json"))
        _say(f"the draft as it stood, every sentence checked, is kept: citebrief render {kept}")
        raise
    for path, its in formats.items():
        write_atomically(path, render(brief, its))
        _say(f"wrote {path}")
    _print(brief, form)
    if explain:
        _explain(brief)
    if brief.status != "answered":
        sys.exit(INSUFFICIENT)


@cli.command()
@click.argument("brief")
@click.option("--format", "form", type=click.Choice(FORMATS), help="What to print. [text on a terminal, else md]")
@click.option("--output", multiple=True, metavar="FILE", help="Write it instead: .md, .html, .json, .txt. Repeatable.")
def render(brief: str, form: Format | None, output: tuple[str, ...]) -> None:
    """Print the brief in the JSON file BRIEF in another format; asks no model. BRIEF - reads standard input.

    \b
    citebrief render briefs/links.json --output links.html
    """
    from rag._internal.files import write_atomically
    from rag.render import format_of
    from rag.render import render as rendered
    from rag.render.json import from_json, read_brief

    formats = {path: format_of(path) for path in output}
    found = from_json(sys.stdin.read(), name="standard input") if brief == "-" else read_brief(brief)
    for path, its in formats.items():
        write_atomically(path, rendered(found, its))
        _say(f"wrote {path}")
    if not output or form:
        _print(found, form)


@cli.command()
@click.argument("brief")
@click.option("--min-support", type=click.FloatRange(0, 1), default=1.0, help="Share that must be full. [1]")
@click.option("--fetch", is_flag=True, help="Fetch the addresses that the source list names.")
@_store
@_embedder
@_json
@_quiet
def check(brief: str, min_support: float, fetch: bool, as_json: bool, quiet: bool, **flags: Any) -> None:
    """Verify every sentence of BRIEF against what it cites: our JSON, or Markdown with [n] markers and a source list.

    Sources may be files, chunk ids of the index, or addresses. Exits 3 where fewer sentences than --min-support
    are fully supported. Changes nothing, and opens no connection unless --fetch.

    \b
    citebrief check briefs/links.json
    citebrief check somebody-elses.md --store .citebrief --json | jq .share
    """
    from rag.check import checker as checking

    with _progress(quiet) as tell:
        from rag.progress import Step

        report = checking.check_brief(
            brief,
            _settings(flags),
            fetch=fetch,
            on_progress=lambda done, total: tell(Step(stage="check", message="sentences", done=done, total=total)),
        )
    click.echo(checking.as_json(report, brief, min_support) if as_json else checking.as_text(report))
    if report.share < min_support:
        sys.exit(INSUFFICIENT)


@cli.command()
@_store
@_embedder
@_json
def doctor(as_json: bool, **flags: str | None) -> None:
    """Tell what is installed, which models and which index there are, and what would be used."""
    from rag.cli.doctor import examine

    findings = examine(_settings(flags))
    if as_json:
        click.echo(json.dumps(findings, ensure_ascii=False))
        return
    width = max(len(name) for name in findings)
    for name, value in findings.items():
        click.echo(f"{name:{width}}  {value}")


cli.add_command(batch)
cli.add_command(evaluate)


def main() -> NoReturn:
    """Run the command line, and turn every error into one line and an exit status."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        cli.main(standalone_mode=False)
        sys.exit(0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("stopped")
        sys.exit(130)
    except BrokenPipeError:  # whoever read stdout has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except CitebriefError as error:
        _fail(str(error), error.exit_status)
    except Exception as error:
        _fail(f"{type(error).__name__}: {error} (--debug shows where; please report it)", 1)


def _fail(message: str, status: int) -> NoReturn:
    if "--debug" in sys.argv:
        import traceback

        traceback.print_exc()
    _say(f"citebrief: {' '.join(message.split())}")
    sys.exit(status)


def _terminated(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(message: str) -> None:
    click.echo(message, err=True)


def _read(text: str) -> str:
    """``text``, or standard input for ``-``; a question of nothing is refused."""
    found = (sys.stdin.read() if text == "-" else text).strip()
    if not found:
        raise UsageError("the question is empty")
    return found


def _settings(flags: dict[str, Any]) -> Settings:
    from rag.config import load_settings

    return load_settings(flags)


def _embedder_on(engine: str, settings: Settings) -> AbstractContextManager[Embedder | None]:
    """What embeds on ``engine``; None is the pipeline's own, in this process."""
    if engine != "ray":
        return nullcontext()
    from rag.batch.ray import embedding

    return embedding.ray_embedder(settings)


def _where(document: str | None, since: str | None, until: str | None) -> Filter:
    import re

    from rag.types import Filter

    for name, date in (("--since", since), ("--until", until)):
        if date and not re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", date):
            raise UsageError(f"{name} {date}: write a date as 2019, 2019-04 or 2019-04-18")
    return Filter(document=document, since=since, until=until)


def _writable(path: Path) -> None:
    directory = path.absolute().parent
    if not directory.is_dir():
        raise UsageError(f"--output {path}: there is no folder {directory}")
    if not os.access(directory, os.W_OK):
        raise UsageError(f"--output {path}: the folder {directory} is not writable")


def _print(brief: Brief, form: Format | None) -> None:
    from rag.render import render as rendered

    if form is None and sys.stdout.isatty():
        from rich.console import Console

        from rag.render.terminal import print_brief

        print_brief(brief, Console())
    else:
        click.echo(rendered(brief, form or "md"), nl=False)


def _explain(brief: Brief) -> None:
    for repair in brief.trace.repairs:
        _say(f"{repair.where}: {repair.action}: {repair.why}")
        if repair.before:
            _say(f"    was: {repair.before}")
    actions = [repair.action for repair in brief.trace.repairs]
    counts = ", ".join(f"{actions.count(action)} {action}" for action in dict.fromkeys(actions)) or "none"
    _say(f"repairs: {counts}; seconds {dict(brief.trace.seconds)}; tokens {dict(brief.trace.tokens)}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Step], None]]:
    from rag.render.progress import Progress

    with Progress(quiet=quiet) as display:
        told: set[str] = set()

        def tell(step: Step) -> None:
            display(step.stage, step.message, step.done, step.total)
            for sentence in step.brief.sentences() if step.brief else ():
                if sentence.text not in told:
                    told.add(sentence.text)
                    display.sentence(sentence.text)

        yield tell
