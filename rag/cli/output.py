"""Output of the commands: data to stdout, messages and progress to stderr."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.progress import Step
    from rag.render import Format
    from rag.types import Brief

_ESCAPE = "citebrief.json-escape"


def accept_any_character() -> None:
    """Let stdout and stderr print every text: what their encoding lacks is written as in JSON, such as ``\\u0142``.

    So output to a terminal or pipe that is not UTF-8 loses nothing, and JSON stays JSON. It also holds for the bytes of
    file names that are not text.
    """
    codecs.register_error(_ESCAPE, _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPE)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    escaped = "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return escaped, error.end


def print_message(message: str) -> None:
    """Print ``message`` to stderr."""
    click.echo(message, err=True)


def print_brief(brief: Brief, output_format: Format | None) -> None:
    """Print ``brief`` to stdout in ``output_format``; None means coloured text on a terminal, else Markdown."""
    from rag.render import render, terminal

    if output_format is None and sys.stdout.isatty():
        from rich.console import Console

        terminal.print_brief(brief, Console())
    else:
        click.echo(render(brief, output_format or "md"), nl=False)


def output_files(paths: Sequence[str]) -> dict[str, Format]:
    """Return the format of each file of ``--output``, which its suffix names.

    Raises:
        UsageError: a suffix is unknown.
    """
    from rag.render import format_of

    return {path: format_of(path) for path in paths}


def check_writable(path: str) -> None:
    """Check that a file can be written at ``path``.

    Raises:
        UsageError: its directory does not exist or is not writable.
    """
    directory = Path(path).absolute().parent
    if not directory.is_dir():
        raise UsageError(f"--output {path}: there is no folder {directory}")
    if not os.access(directory, os.W_OK):
        raise UsageError(f"--output {path}: the folder {directory} is not writable")


def load_renderers(files: dict[str, Format]) -> None:
    """Import what will print the brief and write ``files``.

    This is done before a model is asked: the package may be upgraded before the last call is answered.
    """
    from rag.render import json, markdown, terminal  # noqa: F401

    if "html" in files.values():
        from rag.render import html  # noqa: F401


def write_brief(brief: Brief, files: dict[str, Format], *, quiet: bool = False) -> None:
    """Write ``brief`` to each of ``files``, and print a message about each unless ``quiet``."""
    from rag._internal.files import write_atomically
    from rag.render import render

    for path, output_format in files.items():
        write_atomically(path, render(brief, output_format))
        if not quiet:
            print_message(f"wrote {path}")


@contextmanager
def progress_display(quiet: bool) -> Iterator[Callable[[Step], None]]:
    """Show the steps that the yielded function is called with, and each sentence of the draft once."""
    from rag.render.progress import Progress

    with Progress(quiet=quiet) as display:
        shown: set[str] = set()

        def show_step(step: Step) -> None:
            display(step.stage, step.message, step.done, step.total, step.speed)
            for sentence in step.brief.sentences() if step.brief else ():
                if sentence.text not in shown:
                    shown.add(sentence.text)
                    display.sentence(sentence.text)

        yield show_step
