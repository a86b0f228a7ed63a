"""The bar of a long run: counts, rate and time left, drawn on a terminal and in lines anywhere else."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from rag.render import bar
from rag.render.bar import Bar


def counted(console: Console, monkeypatch: pytest.MonkeyPatch, *, quiet: bool = False) -> str:
    """What is shown of ten questions, four of them done before, one of which fails."""
    clock = [100.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: clock[0])
    with Bar("batch", console, quiet=quiet) as shown:
        shown("kept", 4, 10)
        for done, what in enumerate(("answered", "failed", "answered"), 5):
            clock[0] += 20.0
            shown(what, done, 10)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_lines_tell_counts_rate_and_time_left_of_what_is_done_now(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = counted(Console(file=io.StringIO()), monkeypatch).splitlines()
    assert lines[0] == "batch: 5/10, 1 answered, 3.0/min, 1:40 left"
    assert lines[-1] == "batch: 7/10, 2 answered, 1 failed, 3.0/min, 1:00 left"


def test_a_terminal_gets_a_bar_which_goes_away_and_quiet_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = counted(Console(file=io.StringIO(), force_terminal=True, width=120), monkeypatch)
    assert re.search(r"7/10.*2 answered, 1 failed, 3\.0/min, 1:00 left", drawn)
    assert "\n\n" not in drawn
    assert counted(Console(file=io.StringIO()), monkeypatch, quiet=True) == ""
