"""Commands that other packages register by entry point."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command_line import COMMAND, ROOT


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A directory with an installed package that registers the commands ``greet`` and ``doctor``."""
    (tmp_path / "greeting.py").write_text("""
import sys, click

print("imported", file=sys.stderr)

@click.command()
def greet():
    "Greet the reader."
    click.echo("hello")
    click.get_current_context().exit(3)
""")
    metadata = tmp_path / "greeting-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[citebrief.commands]\ngreet = greeting:greet\ndoctor = greeting:greet\n"
    )
    return tmp_path


def run(plugin: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": f"{plugin}{os.pathsep}{ROOT}"}
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == status, done.stderr
    return done


def test_a_registered_command_runs_with_its_exit_status_and_is_listed_with_its_help(plugin: Path) -> None:
    assert run(plugin, "greet", status=3).stdout == "hello\n"
    listing = run(plugin, "--help").stdout
    assert "  greet   Greet the reader.\n" in listing
    assert "  eval    Score how faithful briefs are, and compare with thresholds.\n" in listing


def test_a_registered_command_is_not_imported_for_another_command(plugin: Path) -> None:
    assert run(plugin, "render", "--help").stderr == ""
    assert run(plugin, "--version").stderr == ""


def test_a_registered_command_cannot_replace_one_of_the_command_line_itself(plugin: Path) -> None:
    assert "Tell what is installed" in run(plugin, "doctor", "--help").stdout
