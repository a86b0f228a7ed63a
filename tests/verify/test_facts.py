"""Facts, denials and hedges that sentence and evidence do not share are found; those in other words are not."""

from __future__ import annotations

import pytest

from rag.verify import denial, missing, reserve


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("The letter was signed in November 2015.", "Trump signed it on 2 November 2015."),
        ("It happened on June 9, 2016.", "The meeting of 9 June 2016 was short."),
        ("It happened on 2016-06-09.", "The meeting of June 9, 2016 was short."),
        ("Prosecutors named 13 Russians.", "The indictment charged thirteen Russians."),
        ("The loans came to 8 million dollars.", "Loans of $8,000,000 were made."),
        ("The vote was 98-2.", "The Senate passed it by 98 to 2."),
        ("Cohen's lawyer spoke.", "Cohen and his lawyer spoke."),
        ("The House spoke of Trump's Tower.", "Trump spoke in the House about the Tower."),
        ("He paid 25 percent.", "A share of 25% was paid."),
    ],
)
def test_what_the_evidence_says_in_other_words_is_not_missing(sentence: str, evidence: str) -> None:
    assert missing(sentence, [evidence]) == []


@pytest.mark.parametrize(
    ("sentence", "evidence", "found"),
    [
        ("It happened on November 4, 2015.", "It happened on November 3, 2015.", ["November 4, 2015"]),
        ("It happened in June 2017.", "It happened in June 2016.", ["June 2017"]),
        ("It happened on 9 June 2016.", "It happened in June 2016.", ["9 June 2016"]),
        ("Prosecutors named 14 Russians.", "The indictment charged thirteen Russians.", ["14"]),
        ("The loans came to $9 million.", "Loans of $8 million were made.", ["$9 million"]),
        ("A meeting took place with Kilimnik.", "A meeting took place with Manafort.", ["Kilimnik"]),
        ("The price was 1.5 billion.", "The price was 1.5 million.", ["1.5 billion"]),
    ],
)
def test_a_wrong_fact_is_named_as_it_stands(sentence: str, evidence: str, found: list[str]) -> None:
    assert missing(sentence, [evidence]) == found


def test_each_fact_may_be_in_another_of_several_passages() -> None:
    assert (
        missing("On May 6, 2016, Alexander Downer heard it.", ["Downer heard it.", "Alexander wrote on 6 May 2016."])
        == []
    )


@pytest.mark.parametrize(
    ("sentence", "nearest", "found"),
    [
        ("The board did not approve the pier.", "The board did approve the pier of 2011.", "not"),
        ("There was not no reason to approve the pier.", "There was no reason to approve the pier.", "no"),
        ("The board did not approve the pier.", "The board declined to approve the pier.", None),
        ("The board did not approve the pier.", "The board didn't approve the pier.", None),
        ("The board approved the pier.", "The board approved the pier, but not its roof.", None),
        ("The board did approve the pier.", "The board did not approve the pier.", "not"),
        ("The board met, and it did approve the pier.", "The board did not approve the pier.", "not"),
        ("Nobody wished for another landing stage.", "The board rather liked the pier.", None),
    ],
)
def test_a_not_that_only_one_side_of_a_near_copy_has_is_found(sentence: str, nearest: str, found: str | None) -> None:
    assert denial(sentence, [nearest]) == found


@pytest.mark.parametrize(
    ("sentence", "nearest", "found"),
    [
        ("Mifsud became more interested.", "Mifsud appeared to become more interested.", "appeared to"),
        ("Mifsud seemed to become more interested.", "Mifsud appeared to become more interested.", None),
        ("The board met in secret.", "According to Berg, the board met in secret.", "According to"),
        ("Berg wrote that the board met in secret.", "According to Berg, the board met in secret.", None),
        ("The pier cost 41 million kroner.", "The pier cost about 41 million kroner.", "about"),
        ("The board approved a pier.", "The auditor said that the harbour's old ferry was sold in 1994.", None),
        ("The board met in spring.", "The board met in secret in May.", None),
        ("The pier cost about $41 million.", "The pier cost approximately $41 million.", None),
        ("The auditor could face a trial over the pier.", "The auditor may face a trial over the pier.", None),
        ("The auditor gave evidence to the harbour board.", "The auditor appeared before the harbour board.", None),
        (
            "Berg resigned over the pier in 2011.",
            "Berg, who said that nobody cared, resigned over the pier in 2011.",
            None,
        ),
        ("Berg praised the pier.", "Berg said that the pier was a pleasure to look at.", None),
        ("Berg met the board.", "He said no.", None),
        (
            "The United States paid for the pier.",
            "According to Berg, the United States paid for the pier.",
            "According to",
        ),
    ],
)
def test_a_hedge_or_attribution_that_a_retelling_loses_is_found(sentence: str, nearest: str, found: str | None) -> None:
    assert reserve(sentence, [nearest]) == found
