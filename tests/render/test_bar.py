"""The progress bar of a long run: counts, rate and time left, on a terminal and in a log."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from rag.render.bar import Bar


def output_of_a_run(console: Console, monkeypatch: pytest.MonkeyPatch, *, quiet: bool = False) -> str:
    """The output for ten questions: four were done before, then two are answered and one fails."""
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with Bar("batch", console, quiet=quiet) as bar:
        bar("kept", 4, 10)
        for done, outcome in enumerate(("answered", "failed", "answered"), 5):
            clock[0] += 20.0
            bar(outcome, done, 10)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_lines_show_counts_and_the_rate_of_this_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = output_of_a_run(Console(file=io.StringIO()), monkeypatch).splitlines()
    assert lines[0] == "batch: 5/10, 1 answered, 3.0/min, 1:40 left"
    assert lines[-1] == "batch: 7/10, 2 answered, 1 failed, 3.0/min, 1:00 left"


def test_a_terminal_shows_a_bar_and_quiet_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = output_of_a_run(Console(file=io.StringIO(), force_terminal=True, width=120), monkeypatch)
    assert re.search(r"7/10.*2 answered, 1 failed, 3\.0/min, 1:00 left", drawn)
    assert "\n\n" not in drawn
    assert output_of_a_run(Console(file=io.StringIO()), monkeypatch, quiet=True) == ""
