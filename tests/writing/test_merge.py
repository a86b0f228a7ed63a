"""A fused sentence says what its notes say: planted faults are refused, honest fusions pass."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from rag.writing.merge import restored, strays, unnamed

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
    ("notes", "fused"),
    [
        ((MET, SHARED), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016, and Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik."),
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress, while Trump signed a letter of intent for a tower in Moscow by November 2015."),
        ((PRAISED, MSNBC), "On December 17, 2015, Putin commented that Trump is a talented person and very colorful, and Trump publicly praised Putin in an interview on MSNBC's Morning Joe on December 18, 2015."),
        ((FOUND, ACCESS), "The special counsel did not establish that the campaign conspired with the Russian government; the Senate committee assessed that Kilimnik was a Russian intelligence officer."),
        ((MET, SHARED), "Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik, and Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016."),
        ((LETTER,), "Trump signed a letter of intent for a tower in Moscow by November 2015."),
    ],
)  # fmt: skip
def test_an_honest_fusion_passes(notes: tuple[str, ...], fused: str) -> None:
    assert strays(notes, fused) is None


@pytest.mark.parametrize(
    ("notes", "fused", "fault"),
    [
        ((MET, SHARED), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 3, 2016, and Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik.", "a date changed"),
        ((PRAISED, MSNBC), "On December 17, 2015, Putin praised Trump as a talented person and very colorful in an interview on MSNBC's Morning Joe on December 18, 2015.", "two events made one"),
        ((FOUND, ACCESS), "The special counsel established that the campaign conspired with the Russian government, and the Senate committee assessed that Kilimnik was a Russian intelligence officer.", "a negation dropped"),
        ((FOUND, ACCESS), "The special counsel did not establish that the campaign conspired with the Russian government, and Kilimnik was a Russian intelligence officer.", "an attribution dropped"),
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress because Trump signed a letter of intent for a tower in Moscow by November 2015.", "a cause invented"),
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress after Trump signed a letter of intent for a tower in Moscow by November 2015.", "an order invented"),
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress, and Trump signed a letter of intent for a tower in Moscow in November 2015.", "by became in"),
        ((PLEA, LETTER), "Trump pleaded guilty on November 29, 2018, to making false statements to Congress, and Cohen signed a letter of intent for a tower in Moscow by November 2015.", "names swapped"),
        ((MET, SHARED), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016.", "a note left out"),
        ((MET, PLEA), "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016, and he pleaded guilty on November 29, 2018, to making false statements to Congress.", "a pronoun for another"),
        ((MET, SHARED), "Anna Berg said that Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016, and Rick Gates testified that Manafort instructed him to send internal polling data to Kilimnik.", "a stranger"),
        ((PLEA, LETTER), "Cohen pleaded guilty on November 29, 2018, to making false statements to Congress, while signing a letter of intent for a tower in Moscow by November 2015.", "one made to happen during the other"),
        (("Sater had explored a tower in Moscow.", MET), f"Sater explored a tower in Moscow, and {MET}", "a tense is flattened"),
        ((OFFICER, MET), "The committee called Kilimnik an officer, met Manafort in New York on August 2, 2016.", "no joiner"),
        (("Putin announced in 2019 that Russia was suspending the treaty as well.", MET), f"Putin announced in 2019 that Russia was suspending the treaty, and {MET}", "who did it first"),
        (("Simes sent Gordon a “memo that we discussed” on June 17, 2016.", MET), f"Simes sent Gordon a memo that we discussed on June 17, 2016, and {MET}", "a quotation taken for the brief's own words"),
        ((LETTER,), "Trump planned a letter of intent for a tower in Moscow by November 2015.", "a plan for a deed"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_refused(notes: tuple[str, ...], fused: str, fault: str) -> None:
    assert strays(notes, fused) is not None, fault


def test_a_heading_names_its_section_and_no_other() -> None:
    told = "Manafort told of a meeting with Kilimnik."
    assert unnamed("Manafort's meeting with Kilimnik", [told], []) is None
    assert unnamed("Kilimnik's meeting with Manafort", [told], []) is not None, "who did it is turned round"
    assert unnamed("Manafort's dinner with Kilimnik", [told], []) is not None, "no note has a dinner"
    assert unnamed("Manafort and Deripaska", [MET], []) is not None
    assert unnamed("Events", [MET], []) is not None
    assert unnamed("The Manafort", [MET], []) is not None
    assert unnamed("Manafort and New York", [MET], []) is not None, "nothing joins the two"
    assert unnamed("Manafort's meeting with Kilimnik", [told], ["Kilimnik's meeting with Manafort"]) is not None
    assert (
        unnamed("Putin's recognition of Moscow", ["Putin's recognition of Donetsk.", "A tower in Moscow."], [])
        is not None
    )


def test_quotation_marks_and_initials_come_back_as_the_notes_have_them() -> None:
    notes = ['Durham wrote of "raw intelligence."', "The IRA aimed at U.S. audiences."]
    fused = "Durham wrote of 'raw intelligence.' and the IRA aimed at U. S. audiences."
    assert restored(fused, notes) == 'Durham wrote of "raw intelligence." and the IRA aimed at U.S. audiences.'


def test_what_a_note_quotes_stays_a_quotation() -> None:
    notes = ["Simes sent Gordon a “memo that we discussed” on June 17.", "Gordon shared it with “several” others."]
    fused = "Simes sent Gordon a memo that we discussed on June 17, and Gordon shared it with several others."
    assert restored(fused, notes) == fused.replace("memo that we discussed", "“memo that we discussed”")
    assert restored(restored(fused, notes), notes) == restored(fused, notes)


def test_while_that_no_note_has_becomes_and() -> None:
    joined = ["Trump met Putin in Alaska.", "Rubio joined Trump, while Lavrov joined Putin."]
    fused = "Trump met Putin in Alaska, while Rubio joined Trump, while Lavrov joined Putin."
    assert restored(fused, joined) == "Trump met Putin in Alaska, and Rubio joined Trump, while Lavrov joined Putin."
    assert restored(fused.replace(", while Rubio", ", and Rubio"), joined).count("while") == 1


def test_the_first_word_of_a_note_is_a_name_only_where_its_passage_says_so() -> None:
    notes = ["A commission certified in 1979 that it was gone.", "Smallpox infected millions in 1967."]
    fused = "A commission certified in 1979 that it was gone, and Smallpox infected millions in 1967."
    assert restored(fused, notes, ["Vaccines against smallpox are old."]) == fused.replace("Smallpox", "smallpox")
    line = ["A line was organized quickly.", "Sessions first stood next to Trump."]
    fused = "A line was organized quickly, and sessions first stood next to Trump."
    assert restored(fused, line, ["Kislyak met Sessions there."]) == fused.replace("sessions", "Sessions")
    met = ["Trump met Putin.", "Secretary of State Marco Rubio joined him."]
    fused = "Trump met Putin, and Secretary of State Marco Rubio joined him."
    assert restored(fused, met, ["The press secretary was there."]) == fused
