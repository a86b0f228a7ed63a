"""Options that several commands of ``citebrief eval`` share, and what they are turned into."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.config import Settings

    from ..runner.thresholds import Threshold

eval_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
eval_quiet_option = click.option("--quiet", "-q", is_flag=True, help="Show no progress, only warnings and errors.")
collections_option = click.option(
    "--collection",
    "collections",
    multiple=True,
    metavar="NAME=PATH",
    help="Where the documents of a collection of SUITE are. Repeatable, also for one NAME.",
)


def judge_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--verifier``, which names the judge, and its older names ``--judge`` and ``--judge-llm`` to ``command``."""
    for option in (
        click.option("--judge-llm", metavar="SPEC", help="The model of --judge llm: openai:MODEL or local. [auto]"),
        click.option(
            "--judge",
            "judge_name",
            type=click.Choice(["nli", "llm"]),
            help="Older names: nli is --verifier support, llm is --verifier llm:SPEC.",
        ),
        click.option(
            "--verifier",
            metavar="SPEC",
            help="Who says what is supported: support, llm:SPEC, hf:PATH_OR_ID, support+llm:SPEC. [support]",
        ),
    ):
        command = option(command)
    return command


def threshold_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--gate``, ``--baseline`` and ``--junit`` to ``command``."""
    for option in (
        click.option("--junit", metavar="FILE", help="Write the results of the gates as JUnit XML."),
        click.option("--baseline", metavar="FILE", help="A scorecard; exit 3 where a metric is worse beyond noise."),
        click.option("--gate", "conditions", multiple=True, metavar="GATE", help="METRIC>=NUMBER; exit 3. Repeatable."),
    ):
        command = option(command)
    return command


def load_thresholds(conditions: Sequence[str], baseline: str | None) -> tuple[list[Threshold], dict[str, Any] | None]:
    """Parse the values of ``--gate`` and read the scorecard of ``--baseline``, so that mistakes show before a run.

    Raises:
        UsageError: a condition is malformed, or the baseline is not a scorecard.
    """
    from ..runner.scorecard import read_scorecard
    from ..runner.thresholds import parse_threshold

    return [parse_threshold(text) for text in conditions], read_scorecard(Path(baseline)) if baseline else None


def settings_from(options: dict[str, Any]) -> Settings:
    """Load the settings, overridden by the command line's ``options``."""
    from rag.config import load_settings

    return load_settings(options)


def existing_file(file: str) -> Path:
    """Return the path of ``file``.

    Raises:
        UsageError: there is no such file.
    """
    if not Path(file).is_file():
        raise UsageError(f"{file}: no such file")
    return Path(file)


def read_lines(file: str) -> list[str]:
    """Read the lines of a text file, or of standard input for ``-``.

    Raises:
        UsageError: the file cannot be read as UTF-8 text.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as text: {error}") from error
    from rag.text import lines_of

    return lines_of(text)


@contextmanager
def show_counts(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show counts on stderr, given as (stage, number done, total), in the style of the other commands."""
    from rag.render.progress import Progress

    with Progress(quiet=quiet) as display:
        yield lambda stage, done, total: display("eval", stage, done, total)
