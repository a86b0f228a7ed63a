"""Words, stems and function words."""

from __future__ import annotations

import threading

import pytest

from rag.text import FUNCTION_WORDS, stem, word_spans, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("policy", "policies"),
        ("deny", "denied"),
        ("treaty", "treaties"),
        ("inhibit", "inhibited"),
        ("dose", "doses"),
        ("lease", "leased"),
        ("index", "indexes"),
        ("harbour", "harbour's"),
        ("harbour", "harbour’s"),
    ],
)
def test_inflections_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("police", "policy"), ("deny", "denim"), ("contract", "contrast")])
def test_different_words_do_not(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_threads_that_stem_at_once_get_the_stems_that_one_gets_alone() -> None:
    words = [f"{root}{ending}" for root in ("adjourn", "amend", "inject", "rotat") for ending in ("ed", "ing", "ions")]
    alone = {word: stem(word) for word in words}
    stem.cache_clear()
    found: list[dict[str, str]] = []
    threads = [threading.Thread(target=lambda: found.append({word: stem(word) for word in words})) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cohen’s lawyer and the directors' e-mails", ["Cohen", "lawyer", "and", "the", "directors", "e-mails"]),
        ("5 mg/day, p = 0.05", ["5", "mg", "day", "p", "0", "05"]),
        ("snake_case → two words", ["snake_case", "two", "words"]),
        ("", []),
    ],
)
def test_words_come_in_order_as_written_without_possessives(text: str, expected: list[str]) -> None:
    assert words_of(text) == expected


def test_words_that_decide_what_is_asserted_are_no_function_words() -> None:
    deciding = "not no never without may might could must all some only if because unless after before until".split()
    assert FUNCTION_WORDS.isdisjoint(deciding)


def test_spans_include_the_possessive_ending_that_the_word_lacks() -> None:
    text = "NASA'S rover, the board’s vote"
    spans = list(word_spans(text))
    assert [word for word, _, _ in spans] == ["NASA", "rover", "the", "board", "vote"]
    assert [text[start:end] for _, start, end in spans] == ["NASA'S", "rover", "the", "board’s", "vote"]
