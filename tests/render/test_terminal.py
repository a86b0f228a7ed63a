import contextlib
import io
import re
import time

from briefs import answered
from rich.console import Console

from rag.render import render
from rag.render.progress import Progress
from rag.render.terminal import print_brief


def terminal(width: int = 120) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=width, height=30, force_terminal=True, color_system="standard", _environ={}), file


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "")


def test_a_terminal_shows_the_same_words_as_plain_text_in_colour() -> None:
    console, file = terminal()
    print_brief(answered(), console)
    assert "\x1b[36m[1]" in file.getvalue()
    assert plain(file.getvalue()) == render(answered(), "text")


def test_a_narrow_terminal_is_respected() -> None:
    console, file = terminal(width=40)
    print_brief(answered(), console)
    assert max(map(len, plain(file.getvalue()).splitlines())) <= 40


def test_the_only_escapes_are_our_own_colours() -> None:
    console, file = terminal()
    print_brief(answered(), console)
    assert set(re.findall(r"\x1b[^m]*m", file.getvalue())) <= {"\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"}


def test_progress_elsewhere_than_on_a_terminal_is_one_line_an_event() -> None:
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


def test_progress_on_a_terminal_shows_the_draft_and_leaves_a_line_a_stage() -> None:
    console, file = terminal()
    with Progress(console) as progress:
        progress("retrieve", "40 passages")
        progress("compose", "fusing notes", 3, 6)
        progress.sentence("A letter of intent was signed.")
        deadline = time.monotonic() + 10
        while "A letter of intent" not in file.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    shown = plain(file.getvalue())
    assert "A letter of intent was signed." in shown
    assert re.search(r"✓ retrieve 40 passages \d+\.\d s", shown)
    assert re.search(r"✓ compose fusing notes 3/6 \d+\.\d s", shown)


def test_a_stage_that_failed_is_not_ticked_off() -> None:
    console, file = terminal()
    with contextlib.suppress(KeyboardInterrupt), Progress(console) as progress:
        progress("compose", "fusing notes")
        raise KeyboardInterrupt
    assert "✗ compose" in plain(file.getvalue())
    assert "✓ compose" not in plain(file.getvalue())


def test_quiet_shows_nothing() -> None:
    console, file = terminal()
    with Progress(console, quiet=True) as progress:
        progress("compose", "fusing notes")
        progress.sentence("A sentence.")
    assert file.getvalue() == ""
