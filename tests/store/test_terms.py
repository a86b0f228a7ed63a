"""Terms of texts and of queries."""

from __future__ import annotations

import pytest

from rag.store.terms import Analyzer, query_words


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer()


def test_query_words_are_distinct_and_no_function_words() -> None:
    assert query_words("Which canal, the Panama-Canal, was opened in 1914?") == ["canal", "panama", "opened", "1914"]


def test_query_of_function_words_alone_keeps_them() -> None:
    assert query_words("Who is it?") == ["who", "is", "it"]


def test_query_has_at_most_64_words() -> None:
    assert len(query_words(" ".join(f"word{n}" for n in range(100)))) == 64


def test_terms_are_stems_in_the_order_of_the_texts(analyzer: Analyzer) -> None:
    assert analyzer.terms_of(["Countries met", "a Country"]) == ["countri", "met", "a", "countri"]


def test_letters_lose_their_diacritics(analyzer: Analyzer) -> None:
    assert analyzer.terms_of(["Kadyrow trifft Präsident Erdoğan"]) == ["kadyrow", "trifft", "prasid", "erdogan"]


def test_inversion_has_each_term_with_its_texts_and_counts(analyzer: Analyzer) -> None:
    found = analyzer.invert(["ships pass the canal", "", "a ship, two ships"])
    ship = found.terms.index("ship")
    rows = slice(found.starts[ship], found.starts[ship + 1])
    assert (found.texts[rows].tolist(), found.counts[rows].tolist()) == ([0, 2], [1, 2])
    assert found.lengths.tolist() == [4, 0, 4]
    assert found.terms == sorted(found.terms)


def test_inversion_of_nothing_is_empty(analyzer: Analyzer) -> None:
    assert analyzer.invert([""]).terms == []
    assert analyzer.invert([""]).lengths.tolist() == [0]


def test_texts_of_earlier_calls_leave_nothing(analyzer: Analyzer) -> None:
    analyzer.invert(["a canal", "a ship"])
    assert analyzer.invert(["a moon"]).terms == ["a", "moon"]


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("Why did Rust adopt the ? operator?", "A postfix `?` operator propagates errors."),
        ("What does := do?", "Name and value (:=) stand side by side."),
        ("the operator “??”", 'It is written "??" here.'),
        ("Is C++ faster?", "Bindings for c++, and others."),
    ],
)
def test_sign_of_a_query_is_found_where_a_document_has_it_alone(analyzer: Analyzer, query: str, document: str) -> None:
    found = set(analyzer.terms_of(query_words(query))) & set(analyzer.invert([document]).terms)
    assert any(term.startswith("sign") for term in found)


@pytest.mark.parametrize(
    "query",
    [
        "Was heißt das ?",
        "Who came -- and when?",
        "the years 1914 – 1918",
        "Why - or how?",
        "oil & gas",
        "So ... why?",
        "by air / sea",
    ],
)
def test_punctuation_of_a_query_is_no_term(query: str) -> None:
    assert not [word for word in query_words(query) if word.startswith("sign")]
