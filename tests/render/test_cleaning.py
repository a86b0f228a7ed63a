from __future__ import annotations

import pytest

from rag.render.cleaning import neutralise, running_text, single_line, split_final_stop, web_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("bell\x07 \x7f", "bell␇ ␡"),
        ("a\r\nb\x0bc\x85d", "a\nb\nc\nd"),
        ("\u202eabc\u202c", "abc"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_control_characters_become_visible_and_direction_overrides_are_removed(text: str, expected: str) -> None:
    assert neutralise(text) == expected


def test_running_text_is_one_line_without_anything_like_a_marker() -> None:
    assert single_line(" a\n\n b\tc ") == "a b c"
    assert running_text("so it\nsays [7]") == "so it says (7)"


@pytest.mark.parametrize(
    "text", ["It was not built.", "He moved to the U.S.", "She said “no.”", "On and on...", "No stop"]
)
def test_splitting_before_the_full_stop_loses_nothing(text: str) -> None:
    assert "".join(split_final_stop(text)) == text


@pytest.mark.parametrize("source", ["https://example.org/a?b=1", "http://example.org"])
def test_http_addresses_may_be_linked(source: str) -> None:
    assert web_address(source) == source


@pytest.mark.parametrize(
    "source", ["javascript:alert(1)", "file:///etc/passwd", "https://", "http://a b", "data:text/html,x", "//e.x"]
)
def test_nothing_but_http_addresses_may_be_linked(source: str) -> None:
    assert web_address(source) is None
