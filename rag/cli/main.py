"""The entry point of the command line: the command group, error handling and exit statuses.

Data goes to stdout, everything else to stderr. Exit status: 0 done, 1 failed, 2 wrong usage, 3 ran but the evidence is
insufficient, 4 the index is missing or was built with something else, 130 stopped. Modules of this package import
nothing heavy at module level; a command imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from rag.cli.ask import ask_command
from rag.cli.batch import batch
from rag.cli.check import check_command
from rag.cli.doctor import doctor_command
from rag.cli.exit_status import DONE, FAILED, STOPPED
from rag.cli.group import CommandGroup, ReaderGone
from rag.cli.index import index_command
from rag.cli.output import accept_any_character, print_message
from rag.cli.render import render_command
from rag.cli.search import search_command, show_command
from rag.cli.stop_signals import heed_stop_signals
from rag.errors import CitebriefError


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="citebrief", prog_name="citebrief")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Briefs in which every sentence cites the passages that state it, checked before you read them.

    \b
    citebrief index corpus/
    citebrief ask "What are the links between Trump and Putin?" --llm local
    """


for command in (
    index_command,
    search_command,
    show_command,
    ask_command,
    render_command,
    check_command,
    doctor_command,
    batch,
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line; report every error in one line on stderr and exit with its status."""
    _read_names_as_utf8()
    heed_stop_signals()
    accept_any_character()
    try:
        status = cli.main(standalone_mode=False)  # of ctx.exit(), such as a plugin's; our commands return None
        sys.exit(status if isinstance(status, int) else DONE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        print_message("stopped")
        sys.exit(STOPPED)
    except ReaderGone:  # flushing at exit must not fail again
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        sys.exit(DONE)
    except CitebriefError as error:
        _fail(str(error), error.exit_status)
    except Exception as error:
        _fail(f"{type(error).__name__}: {error} (--debug shows where; please report it)", FAILED)


def _read_names_as_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has another encoding, as ``LC_ALL=C`` has with coercion off.

    There file names and arguments are not read as text, and a document's id would depend on the locale. Output keeps
    the encoding of the locale.
    """
    if sys.getfilesystemencoding() != "utf-8":
        os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _fail(message: str, status: int) -> NoReturn:
    if "--debug" in sys.argv:
        import traceback

        traceback.print_exc()
    print_message(f"citebrief: {' '.join(message.split())}")
    sys.exit(status)
