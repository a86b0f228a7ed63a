"""A note can be understood where it stands; what leans on its neighbours is left out."""

from __future__ import annotations

import pytest

from rag.types import Chunk, Hit, chunk_id
from rag.writing.evidence import EvidenceSentence, evidence_sentences, leans, limits, speaks_of_known, with_limits


@pytest.mark.parametrize(
    "text",
    [
        "Michael Cohen pleaded guilty on November 29, 2018, to making false statements to Congress.",
        "Cohen told the committee that he had briefed Trump about the Moscow project in 2016.",
        "The special counsel did not establish that the campaign conspired with the Russian government.",
        "Paul Manafort, who chaired the campaign, met Kilimnik in New York on August 2, 2016.",
        'Putin said on December 17, 2015, that Trump was a "talented" person.',
        "Kislyak made a request on December 31, 2016, and Flynn said that the request was heard.",
        "The letter of intent for a tower in Moscow was signed by Trump in October 2015.",
        "After the meeting with Manafort, Kilimnik flew back to Ukraine by way of Moscow.",
        "McGahn told Priebus that Trump had asked him to have the Special Counsel removed.",
        "McGahn recalled that the President called McGahn twice and on both occasions spoke of a conflict.",
        "By the end of the 2016 U.S. election, the IRA had reached millions of persons on Facebook.",
        "We determined not to make a prosecutorial judgment of the President's conduct in this matter.",
        "The United States entered World War I in April 1917, after three years of neutrality.",
        "In 2016 U.S. 10-year notes yielded two percent on average in New York.",
        "The Panama Canal opened to ships on August 15, 1914, after ten years of American work.",
    ],
)
def test_a_sentence_that_stands_alone_is_a_note(text: str) -> None:
    assert leans(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Gates recalled that the meeting was attended by Manafort, Hicks and, joining late, Kushner.",
        "McFarland told him that she had been fired from her job as Deputy National Security Advisor.",
        "The Transition Team turned to the relationship of Flynn with Kislyak on both issues.",
        "They denied the report on the next day in a statement to the press.",
        "This meeting took place in the Seychelles in January 2017, before the inauguration.",
        "However, Cohen pleaded guilty to making false statements to Congress in 2018.",
        "Manafort met Kilimnik again two weeks later in a hotel in Madrid, Spain.",
        "In September 2016, he met the ambassador in his office in the Senate building.",
        "The latter was sentenced to forty months in prison by a court in Washington.",
        'The witness told the committee, "I never spoke to him about any of that, ever."',
        "As discussed above, the campaign had many contacts with Russian nationals in 2016.",
        "Prosecutors said that [redacted] had told Stone about the release of the emails.",
        'Cohen wrote in an email that "the project is dead and will not be picked up.',
        "Those contacts did not amount to a conspiracy, according to the report of 2019.",
        "Kalashnikova 5/17/18 302, at 4; Gary Lee, Soviet Embassy's Identity Crisis, Washington Post (Dec. 20, 1991).",
        "G, infra, discusses interactions between the President and others in June and July 2017.",
        "The group then went to Trump Tower for the meeting.",
        "The outreaches, however, came after Comey's announcement of March 20, 2017.",
        "After the story broke, the President sought to have McGahn deny it in public.",
        "In the same meeting, the President also asked McGahn why McGahn had taken notes.",
        "Flynn made the call immediately after speaking to a senior official about it.",
        "When analyzing Russia’s response, they became aware of Flynn’s discussion of sanctions.",
        "The report described the Seychelles meeting instead as one that Prince arranged.",
        "Statement of Offense, United States v. Michael T. Flynn, No. 1:17-cr-232 (D.D.C.), Doc. 4 (the plea).",
        "In Nixon, the Court rejected a claim of absolute privilege for the President, 418 U.S. at 712.",
        "(Manafort was on the verge of leaving the campaign by the time of the scheduled meeting.)",
        "Along with Simes, attendees at the event included Jared Kushner and Senator Jeff Sessions.",
        "Simes perceived that Kushner did not find the information to be of interest to anybody.",
        "“Russia is lying to all of us, and I never met Putin in Moscow or anywhere.”",
        "This investigation led to four applications for the surveillance of Carter Page.",
        "McGahn said that Trump called twice and on both occasions asked for an answer the next day.",
        "McGahn dismissed the threat, saying that the optics would be terrible if he was fired.",
        "Kushner said that the event came when the campaign had trouble securing support.",
        "Trump said no.",
        "a fragment that begins nowhere and that ends without any verb of its own at all.",
    ],
)
def test_a_sentence_that_leans_is_left_out_with_a_reason(text: str) -> None:
    assert leans(text)


@pytest.mark.parametrize(
    "text",
    [
        "In full, the statement read that the President had removed the Director of the FBI.",
        "At some point that summer, Cohen told Trump that the project was going nowhere.",
        "Trump then smiled, pointed at Putin in Osaka and told him not to meddle in the election.",
        "Gates believed that the information was coming from a group in Kyrgyzstan.",
    ],
)
def test_a_season_or_a_text_that_another_sentence_introduced_is_pointed_at(text: str) -> None:
    assert leans(text) is not None


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        (
            "Accordingly, the Office decided not to pursue charges against\nanyone over the emails of June 9.",
            "The Office decided not to pursue charges against anyone over the emails of June 9.",
        ),
        (
            "But the evidence did not establish that the President took such steps in 2017.",
            "The evidence did not establish that the President took such steps in 2017.",
        ),
        (
            "Butler said in 2019 that the committee had received the documents late.",
            "Butler said in 2019 that the committee had received the documents late.",
        ),
    ],
)
def test_a_word_that_only_ties_a_sentence_to_the_one_before_is_not_quoted(text: str, noted: str) -> None:
    chunk = Chunk(id=chunk_id("report", 0, text), document_id="report", text=text, start=0, end=len(text))
    [note] = evidence_sentences([Hit(chunk=chunk, rank=1, score=1.0)])
    assert note.text == noted
    assert " ".join(chunk.text[note.start : note.end].split()).lower() == noted.lower()


def noted(text: str) -> list[EvidenceSentence]:
    chunk = Chunk(id=chunk_id("report", 0, text), document_id="report", text=text, start=0, end=len(text))
    return list(evidence_sentences([Hit(chunk=chunk, rank=1, score=1.0)]))


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (
            "Accordingly, while this report does not conclude that the President committed a crime, it also does not "
            "exonerate him.",
            "“While this report does not conclude that the President committed a crime, it also does not exonerate "
            "him.”",
        ),
        (
            "We found that the vaccine kept its “full strength” for a month at room temperature.",
            "“We found that the vaccine kept its ‘full strength’ for a month at room temperature.”",
        ),
        (
            "The President told the reporters in June, “We will see what happens with the treaty.”",
            "The President told the reporters in June, “We will see what happens with the treaty.”",
        ),
        (
            "The US left the treaty in 2020, and Russia followed the US in December 2021.",
            "The US left the treaty in 2020, and Russia followed the US in December 2021.",
        ),
    ],
)
def test_what_authors_say_of_themselves_stands_in_quotation_marks(text: str, quoted: str) -> None:
    assert [note.text for note in noted(text)] == [quoted]


@pytest.mark.parametrize(
    ("text", "together"),
    [
        (
            "The report identified numerous links between the campaign and the Russian government. "
            "The investigation did not establish that the campaign conspired with the Russian government.",
            True,
        ),
        (
            "Kushner asked in June for a meeting with the ambassador of Russia. "
            "However, the ambassador never answered the request by Kushner for a meeting.",
            True,
        ),
        (
            "The report established that several officials had met with Russian nationals in 2016. "
            "The evidence was not sufficient to charge any official of the campaign with a conspiracy.",
            True,
        ),
        (
            "We found that the vaccine kept its full strength for a month at room temperature. "
            "Still, we saw three children in Merca who fell ill after they had been vaccinated.",
            True,
        ),
        (
            "Kushner asked in June for a meeting with the ambassador of Russia. "
            "The ambassador was not at the embassy in Washington during June and July.",
            False,
        ),
        (
            "The report identified numerous links between the campaign and the Russian government. "
            "Cohen pleaded guilty in 2018. "
            "The investigation did not establish that the campaign conspired with the Russian government.",
            False,
        ),
    ],
)
def test_what_takes_a_sentence_back_in_part_is_known_when_it_follows_at_once(text: str, together: bool) -> None:
    first, *_, last = noted(text)
    assert limits(first, last) is together
    assert not limits(last, first)


def test_what_takes_back_what_takes_back_goes_along() -> None:
    first, second, third = noted(
        "The report identified numerous links between the campaign and the Russian government. "
        "The investigation found no evidence of payments, and it identified two more links to banks. "
        "The investigation did not establish that the campaign conspired with the Russian government."
    )
    assert with_limits(first, [third, second, first]) == [first, second, third]
    assert with_limits(third, [first, second]) == [third]


def test_a_name_with_a_we_in_it_is_no_author() -> None:
    [note] = noted("The song We Are the World was recorded in January 1985 in Los Angeles.")
    assert not note.text.startswith("“")


def test_a_surname_whose_bearer_the_passage_introduced_is_told_from_a_full_name() -> None:
    text = (
        "Ali Maow Maalin, a cook in Merca, fell ill with smallpox in October 1977. "
        "Maalin recovered from the last naturally occurring case of smallpox in the world."
    )
    first, second = noted(text)
    assert not speaks_of_known(first)
    assert speaks_of_known(second)
