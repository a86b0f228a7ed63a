"""The words in which a twin differs, and rows that are no JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.training.verifier.examples import changed_words, read_rows, twins


def marked(text: str, original: str) -> list[str]:
    return [text[start:end] for start, end in changed_words(text, original)]


def test_changed_and_added_words_are_marked() -> None:
    assert marked("Richmond sold nine mines in May.", "Richmond sold two mines in June.") == ["nine", "May."]
    assert marked("It may fall again soon.", "It may fall soon.") == ["again"]


def test_where_words_are_missing_the_next_word_is_marked() -> None:
    assert marked("It fell.", "It reportedly fell.") == ["fell."]
    assert marked("It fell", "It fell by half") == ["fell"]


def test_case_is_no_change() -> None:
    assert marked("The Board met.", "the board met.") == []


def test_a_claim_has_no_unsupported_words_and_is_followed_by_its_twin() -> None:
    claim, twin = twins("Trade grew.", "Trade fell.", ("full", "opposite"))
    assert (claim.supported, claim.unsupported, claim.has_twin) == (True, (), True)
    assert (twin.supported, twin.unsupported, twin.has_twin) == (False, ((6, 11),), False)


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\nno\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl:2: not JSON"):
        read_rows(path)
