"""A brief on a terminal, and as plain text."""

from __future__ import annotations

import io
import re

import pytest
from briefs import answered, insufficient
from rich.console import Console

from rag.render import render
from rag.render.terminal import print_brief


def terminal(width: int = 120) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=width, height=30, force_terminal=True, color_system="standard", _environ={}), file


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "")


def test_plain_text_is_wrapped_and_has_no_control_characters() -> None:
    text = render(answered(), "text")
    assert max(map(len, text.splitlines())) <= 88
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "␛[31mred" in text
    assert not any(line.endswith(" ") for line in text.splitlines())
    nearest = render(insufficient(), "text")
    assert "␛]0;owned␇" in nearest
    assert "\u202e" not in nearest


def test_plain_text_does_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(answered(), "text")
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert render(answered(), "text") == before


def test_a_terminal_shows_the_plain_text_in_colour() -> None:
    console, file = terminal()
    print_brief(answered(), console)
    assert "\x1b[36m[1]" in file.getvalue()
    assert plain(file.getvalue()) == render(answered(), "text")


def test_lines_fit_a_narrow_terminal() -> None:
    console, file = terminal(width=40)
    print_brief(answered(), console)
    assert max(map(len, plain(file.getvalue()).splitlines())) <= 40


def test_the_only_escape_sequences_are_colours() -> None:
    console, file = terminal()
    print_brief(answered(), console)
    assert set(re.findall(r"\x1b[^m]*m", file.getvalue())) <= {"\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"}
