"""The README's list of commands is what ``--help`` prints. ``python tests/test_readme.py`` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from rag.cli.main import cli

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"(<!-- commands -->\n).*?(<!-- /commands -->)", re.DOTALL)


def commands() -> str:
    """Every command's help, as the README shows it."""
    runner = CliRunner()
    pages = [
        runner.invoke(cli, [*name, "--help"], prog_name="citebrief").output
        for name in ((), *((n,) for n in cli.commands))
    ]
    return "".join(f"```text\n{page.strip()}\n```\n\n" for page in pages)


def written(text: str) -> str:
    """``text`` with the commands as they are now."""
    return _BLOCK.sub(lambda match: match[1] + commands() + match[2], text)


def test_readme_lists_the_commands_as_they_are() -> None:
    text = README.read_text(encoding="utf-8")
    assert "<!-- commands -->" in text
    assert written(text) == text, "run: python tests/test_readme.py"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
