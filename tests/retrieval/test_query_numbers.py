"""Dates and numbers of a query."""

from __future__ import annotations

import pytest

from rag.retrieval.query_numbers import spell_out_numbers


@pytest.mark.parametrize("date", ["17/6/2017", "6/17/2017", "17.6.2017", "17. 06. 2017", "2017-06-17"])
def test_a_date_in_figures_becomes_a_date_with_a_month(date: str) -> None:
    assert spell_out_numbers(f"What was said on {date}?") == "What was said on June 17, 2017?"


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("three thousand eight hundred and fourteen accounts", "3,814 accounts"),
        ("ninety-five million dollars", "95 million dollars"),
        ("one point five billion people", "1.5 billion people"),
        ("between one million and two million euros", "between 1 million and 2 million euros"),
    ],
)
def test_a_large_number_in_words_becomes_figures(query: str, written: str) -> None:
    assert spell_out_numbers(query) == written


@pytest.mark.parametrize(
    "query",
    [
        "on 12/2/2025",  # the second of December or the twelfth of February
        "version 1.2.2024.5",
        "31/31/2020",
        "thirty-five officials and one of them",
        "$95 million for 4,500 of 5,000,000",
        "ratio 3/4 in 2017",
    ],
)
def test_what_may_be_read_in_two_ways_and_what_is_in_figures_stays(query: str) -> None:
    assert spell_out_numbers(query) == query
