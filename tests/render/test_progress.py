"""The display of progress, on a terminal and in a log."""

from __future__ import annotations

import contextlib
import io
import re
import time

from rich.console import Console

from rag.render.progress import Progress


def terminal(width: int = 120) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=width, height=30, force_terminal=True, color_system="standard", _environ={}), file


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "")


def test_a_log_gets_one_line_per_event_and_few_of_a_count() -> None:
    file = io.StringIO()
    with Progress(Console(file=file, width=20)) as progress:
        progress("retrieve", "40 passages from 12 documents, with a long line that is not wrapped")
        for done in range(1, 1001):
            progress("index", "embedding\x1b[31m", done, 1000)
        progress.sentence("A sentence.")
        progress("verify", "8 sentences")
    assert file.getvalue().splitlines() == [
        "retrieve: 40 passages from 12 documents, with a long line that is not wrapped",
        "index: embedding␛[31m 1/1,000",
        "index: embedding␛[31m 1,000/1,000",
        "verify: 8 sentences",
    ]


def test_the_speed_is_shown_behind_the_count() -> None:
    file = io.StringIO()
    with Progress(Console(file=file)) as progress:
        progress("embed", "passages", 512, 5000, "64 a second, 1 min left")
    assert file.getvalue() == "embed: passages 512/5,000, 64 a second, 1 min left\n"


def test_a_terminal_shows_the_draft_and_keeps_one_line_per_finished_stage() -> None:
    console, file = terminal()
    with Progress(console) as progress:
        progress("retrieve", "40 passages")
        progress("compose", "writing a section", 3, 6)
        progress.sentence("A letter of intent was signed.")
        deadline = time.monotonic() + 10
        while "A letter of intent" not in file.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    shown = plain(file.getvalue())
    assert "A letter of intent was signed." in shown
    assert re.search(r"✓ retrieve 40 passages \d+\.\d s", shown)
    assert re.search(r"✓ compose writing a section 3/6 \d+\.\d s", shown)


def test_a_failed_stage_is_marked_as_failed() -> None:
    console, file = terminal()
    with contextlib.suppress(KeyboardInterrupt), Progress(console) as progress:
        progress("compose", "writing a section")
        raise KeyboardInterrupt
    assert "✗ compose" in plain(file.getvalue())
    assert "✓ compose" not in plain(file.getvalue())


def test_quiet_shows_nothing() -> None:
    console, file = terminal()
    with Progress(console, quiet=True) as progress:
        progress("compose", "writing a section")
        progress.sentence("A sentence.")
    assert file.getvalue() == ""
