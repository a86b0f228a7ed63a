"""A merged sentence says what its sources say: faithful ones pass, and each planted fault is named."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from rag.writing.merge import departure_from_sources, restore_source_form

MET = "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016."
SHARED = "Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik."
PLEA = "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress."
LETTER = "Trump signed a letter of intent for a tower in Moscow by November 2015."
PRAISED = "On December 17, 2015, Putin commented that Trump is a talented person and very colorful."
MSNBC = "Trump publicly praised Putin in an interview on MSNBC's Morning Joe on December 18, 2015."
FOUND = "The special counsel did not establish that the campaign conspired with the Russian government."
ACCESS = "The Senate committee assessed that Kilimnik was a Russian intelligence officer."

OFFICER = "The committee called Kilimnik an officer."


@pytest.mark.parametrize(
    ("sources", "merged"),
    [
        ((MET, SHARED), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016, and Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik."),
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress, while Trump signed a letter of intent for a tower in Moscow by November 2015."),
        ((PRAISED, MSNBC), "On December 17, 2015, Putin commented that Trump is a talented person and very colorful, and Trump publicly praised Putin in an interview on MSNBC's Morning Joe on December 18, 2015."),
        ((FOUND, ACCESS), "The special counsel did not establish that the campaign conspired with the Russian government; the Senate committee assessed that Kilimnik was a Russian intelligence officer."),
        ((MET, SHARED), "Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik, and Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016."),
        ((LETTER,), "Trump signed a letter of intent for a tower in Moscow by November 2015."),
    ],
)  # fmt: skip
def test_a_faithful_merge_has_no_departure(sources: tuple[str, ...], merged: str) -> None:
    assert departure_from_sources(sources, merged) is None


@pytest.mark.parametrize(
    ("sources", "merged", "fault"),
    [
        ((MET, SHARED), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 3, 2016, and Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik.", "no note has August 3, 2016"),  # a date changed
        ((PRAISED, MSNBC), "On December 17, 2015, Putin praised Trump as a talented person and very colorful in an interview on MSNBC's Morning Joe on December 18, 2015.", "runs the notes into each other without a word to join them"),  # two events made one
        ((FOUND, ACCESS), "The special counsel established that the campaign conspired with the Russian government, and the Senate committee assessed that Kilimnik was a Russian intelligence officer.", "leaves out or moves: not"),  # a negation dropped
        ((FOUND, ACCESS), "The special counsel did not establish that the campaign conspired with the Russian government, and Kilimnik was a Russian intelligence officer.", "leaves out or moves: assessed"),  # an attribution dropped
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress because Trump signed a letter of intent for a tower in Moscow by November 2015.", "relates the notes by 'because', which none of them does"),  # a cause invented
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress after Trump signed a letter of intent for a tower in Moscow by November 2015.", "relates the notes by 'after', which none of them does"),  # an order invented
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress, and Trump signed a letter of intent for a tower in Moscow in November 2015.", "changes how a figure is qualified: by November 2015"),  # by became in
        ((PLEA, LETTER), "Trump pleaded guilty on November 29, 2018, to making false statements to Congress, and Cohen signed a letter of intent for a tower in Moscow by November 2015.", "leaves out or moves: trump, trump"),  # names swapped
        ((MET, SHARED), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016.", "runs the notes into each other without a word to join them"),  # a source left out
        ((MET, PLEA), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016, and he pleaded guilty on November 29, 2018, to making false statements to Congress.", "puts a pronoun for one of two subjects"),  # a pronoun for another
        ((MET, SHARED), "Anna Berg said that Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016, and Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik.", "no note has Berg"),  # a stranger
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress, while signing a letter of intent for a tower in Moscow by November 2015.", "makes one note happen during the other: 'while signing'"),  # one made to happen during the other
        (("Sater had explored a tower in Moscow.", MET), f"Sater explored a tower in Moscow, and {MET}", "tells as of one time what was over before"),  # a tense is flattened
        ((OFFICER, MET), "The committee called Kilimnik an officer, met Manafort in New York on August 2, 2016.", "runs the notes into each other without a word to join them"),  # no joiner
        (("Putin announced in 2019 that Russia was suspending the treaty as well.", MET), f"Putin announced in 2019 that Russia was suspending the treaty, and {MET}", "leaves out or moves: well"),  # who did it first
        (("Simes sent Gordon a “memo that we discussed” on June 17, 2016.", MET), f"Simes sent Gordon a memo that we discussed on June 17, 2016, and {MET}", "speaks in the first person"),  # a quotation taken for the brief's own words
        ((LETTER,), "Trump planned a letter of intent for a tower in Moscow by November 2015.", "relates the notes by 'planned', which none of them does"),  # an intention for a deed
    ],
)  # fmt: skip
def test_a_planted_fault_is_named(sources: tuple[str, ...], merged: str, fault: str) -> None:
    assert departure_from_sources(sources, merged) == fault


def test_quotation_marks_and_initials_are_restore_source_form() -> None:
    sources = ['Durham wrote of "raw intelligence."', "The IRA aimed at U.S. audiences."]
    merged = "Durham wrote of 'raw intelligence.' and the IRA aimed at U. S. audiences."
    assert (
        restore_source_form(merged, sources)
        == 'Durham wrote of "raw intelligence." and the IRA aimed at U.S. audiences.'
    )


def test_a_quotation_of_a_source_stays_a_quotation() -> None:
    sources = ["Simes sent Gordon a “memo that we discussed” on June 17.", "Gordon shared it with “several” others."]
    merged = "Simes sent Gordon a memo that we discussed on June 17, and Gordon shared it with several others."
    assert restore_source_form(merged, sources) == merged.replace("memo that we discussed", "“memo that we discussed”")
    assert restore_source_form(restore_source_form(merged, sources), sources) == restore_source_form(merged, sources)


def test_while_between_the_sources_becomes_and() -> None:
    joined = ["Trump met Putin in Alaska.", "Rubio joined Trump, while Lavrov joined Putin."]
    merged = "Trump met Putin in Alaska, while Rubio joined Trump, while Lavrov joined Putin."
    assert (
        restore_source_form(merged, joined)
        == "Trump met Putin in Alaska, and Rubio joined Trump, while Lavrov joined Putin."
    )
    assert restore_source_form(merged.replace(", while Rubio", ", and Rubio"), joined).count("while") == 1


def test_the_first_word_of_a_source_keeps_its_capital_only_if_its_passage_shows_a_name() -> None:
    sources = ["A commission certified in 1979 that it was gone.", "Smallpox infected millions in 1967."]
    merged = "A commission certified in 1979 that it was gone, and Smallpox infected millions in 1967."
    assert restore_source_form(merged, sources, ["Vaccines against smallpox are old."]) == merged.replace(
        "Smallpox", "smallpox"
    )
    line = ["A line was organized quickly.", "Sessions first stood next to Trump."]
    merged = "A line was organized quickly, and sessions first stood next to Trump."
    assert restore_source_form(merged, line, ["Kislyak met Sessions there."]) == merged.replace("sessions", "Sessions")
    met = ["Trump met Putin.", "Secretary of State Marco Rubio joined him."]
    merged = "Trump met Putin, and Secretary of State Marco Rubio joined him."
    assert restore_source_form(merged, met, ["The press secretary was there."]) == merged
