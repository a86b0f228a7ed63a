"""Facts that the evidence neither gives nor lets a reader derive are found; those in other words are not."""

from __future__ import annotations

import pytest

from rag.verify import missing, suspicions, vetoes
from rag.verify.facts import findings


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        # finance
        ("Revenue came to $1.5 billion.", "Revenue was $1.5bn in the quarter."),
        ("Costs fell by 40 million kroner.", "Costs fell from 120 million kroner to 80 million kroner."),
        ("Sales grew by a quarter, or 25%.", "Sales grew from 80 to 100 units."),
        ("Some 3.7 million requests failed.", "It resulted in about 3.7M failed requests."),
        ("The fund lost 1.2 million euros.", "It lost EUR700,000 in May and EUR500,000 in June."),
        # law and politics
        ("The European Union signed it.", "The EU signed the treaty."),
        ("The EU signed it.", "The European Union signed the treaty."),
        ("The Federal Bureau of Investigation opened a case.", "The FBI opened a case."),
        ("Fourteen years later it was repealed.", "The act of 1990 was repealed in 2004."),
        ("Russians signed it.", "The Russian side signed it."),
        # medicine
        ("The dose was doubled to 40 mg.", "The dose was raised to 40 mg from 20 mg."),
        ("Of the patients, 30% dropped out.", "Of the patients, 70% completed the trial."),
        ("The trial took 12 weeks.", "The trial took 84 days."),
        # minutes and transcripts
        ("The call drew 220 people.", "We had two hundred and twenty people on the call."),
        ("Attendance was 3.5 percent lower.", "Attendance was three point five percent lower."),
        ("The meeting of 9 June 2016 was short.", "Minutes, 2016-06-09T10:00. The meeting was short."),
        # standards
        ("CK-666 blocks the complex.", "The drug CK666 blocks the complex."),
    ],
)
def test_what_the_evidence_gives_in_other_words_or_lets_one_derive_is_no_finding(sentence: str, evidence: str) -> None:
    assert findings(sentence, [evidence]) == []


@pytest.mark.parametrize(
    ("sentence", "evidence", "rule", "words"),
    [
        ("Revenue rose to $19.4 million.", "Revenue was $844 million.", "money", "$19.4 million"),
        ("Turnout was 43%.", "Turnout was 71% in the north.", "percentage", "43%"),
        ("The lake holds 8,700 trout.", "The lake holds 1,200 trout.", "large number", "8,700"),
        ("It was repealed in 1997.", "The act was repealed under the new government.", "year", "1997"),
        ("The pump has 17 valves.", "The pump has valves.", "number", "17"),
        ("It closed on 4 May 2011.", "It closed in the spring of 2011.", "full date", "4 May 2011"),
        ("It closed in June 2012.", "It closed in the spring of 2011.", "date", "June 2012"),
        ("The board heard Ingrid Solberg.", "The board heard the auditor.", "full name", "Ingrid Solberg"),
        ("The board heard Solberg.", "The board heard the auditor.", "name", "Solberg"),
    ],
)
def test_a_missing_fact_is_found_with_its_rule_and_its_words(
    sentence: str, evidence: str, rule: str, words: str
) -> None:
    assert [(each.rule, each.words) for each in findings(sentence, [evidence])] == [(rule, words)]


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("It was Konstantin Kilimnik who told Manafort.", "Manafort was told of it."),
        ("The trial was led by Maria Gonzalez.", "The trial was led by a cardiologist."),
        ("The Steering Council voted on it.", "The vote is described in the proposal."),
        ("The port went to Acme Holdings.", "A bidder bought the port."),
    ],
)
def test_a_full_name_that_no_evidence_gives_is_a_veto(sentence: str, evidence: str) -> None:
    [words] = vetoes(sentence, [evidence])
    assert words in sentence
    assert suspicions(sentence, [evidence]) == []


def test_a_single_name_or_a_number_is_a_suspicion_only() -> None:
    sentence, evidence = "Kilimnik paid $14 million.", "The sum was paid to Manafort by a 2nd man."
    assert vetoes(sentence, [evidence]) == []
    assert suspicions("In May, Kilimnik paid $14 million.", [evidence]) == ["$14 million", "Kilimnik"]


def test_titles_give_names_and_first_names() -> None:
    sentence = "In the spring Paul Jerome Manafort resigned."
    assert findings(sentence, ["Manafort resigned."], ["The spring of Paul Jerome Manafort"]) == []
    assert vetoes(sentence, ["He resigned."], []) == ["Paul Jerome Manafort"]


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
        ("The treaties of the 1840s held.", "One treaty is of 9 August 1842 and one of 1846."),
    ],
)
def test_what_the_evidence_says_in_another_form_is_not_missing(sentence: str, evidence: str) -> None:
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
        ("The treaties of the 1840s held.", "One treaty is of 9 August 1852.", ["1840s"]),
        ("In 1840 it held.", "It held in 1842.", ["1840"]),
    ],
)
def test_a_wrong_fact_is_missing_as_it_stands(sentence: str, evidence: str, found: list[str]) -> None:
    assert missing(sentence, [evidence]) == found


def test_each_fact_may_be_in_another_of_several_passages() -> None:
    assert (
        missing("On May 6, 2016, Alexander Downer heard it.", ["Downer heard it.", "Alexander wrote on 6 May 2016."])
        == []
    )
