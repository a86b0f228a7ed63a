"""The command group: the commands of this package, and those that installed packages register."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "citebrief.commands"
"""Entry points of this group name click commands. ``citebrief eval`` is one, so ``rag`` never imports ``rag.eval``."""


class ReaderGone(Exception):
    """The reader of the output, such as ``head``, has closed the pipe."""


class CommandGroup(click.Group):
    """A click group that finds further commands by entry point, and imports one when it is run or its help is shown.

    A command of the group itself wins over an entry point of the same name.

    Raises:
        ReaderGone: from :meth:`main`, which otherwise ends with status 1 and without a word.
    """

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the arguments, which may print the help."""
        with _reader_gone():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _reader_gone():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names in alphabetical order."""
        return sorted({*self.commands, *_entry_points()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command ``cmd_name``, or None if there is no such command."""
        if cmd_name not in self.commands and cmd_name in _entry_points():
            self.add_command(_entry_points()[cmd_name].load(), cmd_name)
        return super().get_command(ctx, cmd_name)


@contextmanager
def _reader_gone() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error


@cache
def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # takes about 40 ms, so only where it is needed

    return {entry_point.name: entry_point for entry_point in entry_points(group=ENTRY_POINT_GROUP)}
