"""The README lists the commands as ``--help`` prints them. ``python tests/cli/test_readme.py`` updates the list."""

from __future__ import annotations

import re
from pathlib import Path

import click
from click.testing import CliRunner

from rag.cli.main import cli

README = Path(__file__).parents[2] / "README.md"
BUILT_IN = tuple(cli.commands)
_BLOCK = re.compile(r"(<!-- commands -->\n).*?(<!-- /commands -->)", re.DOTALL)


def commands() -> str:
    """The help of the group and of every command, as the README shows it."""
    names = (*BUILT_IN, *sorted(set(cli.list_commands(click.Context(cli))) - set(BUILT_IN)))
    runner = CliRunner()
    pages = [
        runner.invoke(cli, [*name, "--help"], prog_name="citebrief").output for name in ((), *((n,) for n in names))
    ]
    return "".join(f"```text\n{page.strip()}\n```\n\n" for page in pages)


def updated(text: str) -> str:
    """``text`` with the current help of the commands."""
    return _BLOCK.sub(lambda match: match[1] + commands() + match[2], text)


def test_the_readme_shows_the_current_help_of_every_command() -> None:
    text = README.read_text(encoding="utf-8")
    assert "<!-- commands -->" in text
    assert updated(text) == text, "run: python tests/cli/test_readme.py"


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
