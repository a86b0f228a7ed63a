from __future__ import annotations

import time

import pytest

from rag.ingest.clean import clean_text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\u0301 \ufb01n\u00adal\u00a0word\u200b\x07", "é final word"),
        (
            "\uf731\uf739\uf737\uf732, \uf778\uf765\uf772\uf76f\uf778, \uf7e9t\uf7e9, \uf0b7 item",
            "1972, XEROX, ÉtÉ, item",
        ),
        ("said.\u00b9\u00b2 Then 5 m\u00b2", "said. Then 5 m²"),
        ("was [REDACTED: Harm to Ongoing Matter] [HOM] there", "was [redacted] there"),
        ("It grew. [REDACTED] The end.", "It grew. [redacted]. The end."),
    ],
)
def test_characters_footnote_marks_and_redactions_are_normalised(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_controls_of_windows_bytes_become_their_characters() -> None:
    assert clean_text("1961\x961967 and \x93so\x94") == "1961–1967 and “so”"


@pytest.mark.parametrize("mark", ["[", "_", "[ ", "__ "])
def test_a_long_run_of_marks_takes_no_time(mark: str) -> None:
    begin = time.process_time()
    clean_text(f"{mark * 30_000}a")
    assert time.process_time() - begin < 5
