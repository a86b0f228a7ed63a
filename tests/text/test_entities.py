"""Dates, numbers and names in text of several domains, and when two are the same."""

from __future__ import annotations

import pytest

from rag.text import Date, date_matches, find_dates, find_figures, find_names, find_numbers, name_forms, name_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Signed on 2 November 2015.", (2015, 11, 2)),
        ("Trial registered 2016-06-09 in Oslo.", (2016, 6, 9)),
        ("The lease ends on the 31st of March, 2027.", (2027, 3, 31)),
        ("Minutes of Sept. 4, 2011", (2011, 9, 4)),
        ("released Jan 3rd", (None, 1, 3)),
        ("The treaty of May 1648", (1648, 5, None)),
        ("The harbour froze in February.", (None, 2, None)),
    ],
)
def test_a_date_is_read_in_each_of_its_forms(text: str, expected: Date) -> None:
    assert [date for date, _ in find_dates(text)] == [expected]


def test_a_date_is_read_once_and_as_precisely_as_it_stands() -> None:
    assert [date for date, _ in find_dates("On 9 June 2016, in July 2017 and in August")] == [
        (2016, 6, 9),
        (2017, 7, None),
        (None, 8, None),
    ]


@pytest.mark.parametrize("text", ["The board may meet.", "They march on.", "Version 1.2.3", "Section 4"])
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert list(find_dates(text)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty-five, 1,200, $1.2 billion and 2 hundred", [25, 200, 1200, 1.2e9]),
        ("Loans of $8,000,000", [8e6]),
        ("The dose rose from 2.5 to 10 mg.", [2.5, 10]),
        ("thirteen Russians in the 1990s", [13, 1990]),
        ("One of them paid one million.", [1e6]),
        ("$1.5bn, 5 mln bucks, €7m and EUR180 million", [5e6, 7e6, 180e6, 1.5e9]),
        ("a wall of 5m, 3.7M requests and 10k runs", [5, 1e4, 3.7e6]),
        ("two hundred and twenty, or three point five percent", [3.5, 220]),
        ("between two and three thousand four hundred", [2, 3400]),
        ("between one million and two million euros", [1e6, 2e6]),
        ("two thousand and three hundred thousand", [2000, 300_000]),
        ("one thousand and twenty-one thousand", [1000, 21_000]),
        ("ten thousand, twenty thousand and thirty thousand", [10_000, 20_000, 30_000]),
        ("between one hundred and two hundred people", [100, 200]),
        ("two point five million and three point five million", [2.5e6, 3.5e6]),
        ("two million, fifty thousand and sixteen", [2_050_016]),
        ("one billion two hundred thousand", [1_000_200_000]),
        ("one hundred and two thousand", [102_000]),
    ],
)
def test_numbers_are_values_whether_in_digits_or_words(text: str, expected: list[float]) -> None:
    assert sorted(value for value, _ in find_numbers(text)) == expected


def test_the_words_of_a_date_or_number_are_as_they_stand() -> None:
    assert [words for _, words in find_dates("On June 9, 2016, it rained.")] == ["June 9, 2016"]
    assert [words for _, words in find_numbers("It cost $1.5 million.")] == ["$1.5 million"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Prosecutors met Konstantin Kilimnik.", ["Konstantin", "Kilimnik"]),
        ("The nurse called Dr Lee. She asked NICE.", ["Dr", "Lee", "NICE"]),
        ("He said: “Berlin fell.”", []),
        ("the pump needs a seal", []),
    ],
)
def test_names_are_capitalised_words_that_open_no_sentence(text: str, expected: list[str]) -> None:
    assert list(find_names(text)) == expected


@pytest.mark.parametrize(
    ("date", "other", "same"),
    [
        ((2015, 11, None), (2015, 11, 2), True),
        ((2015, 11, 2), (2015, 11, None), False),
        ((2015, 11, 2), (2015, 11, 3), False),
        ((None, 6, 9), (2016, 6, 9), True),
    ],
)
def test_a_date_matches_one_that_is_the_same_or_more_precise(date: Date, other: Date, same: bool) -> None:
    assert date_matches(date, other) is same


def test_a_name_is_found_without_its_possessive_its_dots_or_its_hyphen() -> None:
    known = name_words("Trump's tower, the U.S. Senate and Smith-Jones")
    for name in ("trump", "smith", "jones", "smith-jones"):
        assert name_forms(name) & known
    assert name_forms("trump’s") & known
    assert not name_forms("kilimnik") & known


@pytest.mark.parametrize(
    ("text", "kind", "decimals"),
    [
        ("a price of £1.25m", "money", 2),
        ("some 40 dollars", "money", 0),
        ("43 per cent", "percent", 0),
        ("up 2.5 percentage points", "percent", 1),
        ("the 20th century", "ordinal", 0),
        ("inhibitor CK-666", "name", 0),
        ("17 valves", "plain", 0),
    ],
)
def test_a_figure_knows_its_kind(text: str, kind: str, decimals: int) -> None:
    [figure] = find_figures(text)
    assert (figure.kind, figure.decimals, text[figure.start : figure.end]) == (kind, decimals, figure.words)
