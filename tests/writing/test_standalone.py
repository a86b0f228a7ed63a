"""Which sentences can be understood on their own."""

from __future__ import annotations

import pytest

from rag.writing.standalone import opens_with_reference, why_not_standalone


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
def test_a_sentence_that_needs_no_other_sentence_is_standalone(text: str) -> None:
    assert why_not_standalone(text) is None


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (
            "a pronoun without its name",
            "McFarland told him that she had been fired from her job as Deputy National Security Advisor.",
        ),
        (
            "a pronoun without its name",
            "In September 2016, he met the ambassador in his office in the Senate building.",
        ),
        (
            "a pronoun without its name",
            'The witness told the committee, "I never spoke to him about any of that, ever."',
        ),
        (
            "a pronoun without its name",
            "When analyzing Russia’s response, they became aware of Flynn’s discussion of sanctions.",
        ),
        (
            "a quotation or bracket is not closed",
            'Cohen wrote in an email that "the project is dead and will not be picked up.',
        ),
        (
            "a quotation without its speaker",
            "“Russia is lying to all of us, and I never met Putin in Moscow or anywhere.”",
        ),
        (
            "an aside to another sentence",
            "(Manafort was on the verge of leaving the campaign by the time of the scheduled meeting.)",
        ),
        (
            "damaged text",
            "Prosecutors said that [redacted] had told Stone about the release of the emails.",
        ),
        (
            "damaged text",
            "Kalashnikova 5/17/18 302, at 4; Gary Lee, Soviet Embassy's Identity Crisis, Washington Post (Dec. 20, "
            "1991).",
        ),
        (
            "damaged text",
            "G, infra, discusses interactions between the President and others in June and July 2017.",
        ),
        (
            "damaged text",
            "Statement of Offense, United States v. Michael T. Flynn, No. 1:17-cr-232 (D.D.C.), Doc. 4 (the plea).",
        ),
        (
            "damaged text",
            "In Nixon, the Court rejected a claim of absolute privilege for the President, 418 U.S. at 712.",
        ),
        (
            "mentions a thing that another sentence introduced",
            "Gates recalled that the meeting was attended by Manafort, Hicks and, joining late, Kushner.",
        ),
        (
            "mentions a thing that another sentence introduced",
            "Flynn made the call immediately after speaking to a senior official about it.",
        ),
        (
            "mentions a thing that another sentence introduced",
            "Along with Simes, attendees at the event included Jared Kushner and Senator Jeff Sessions.",
        ),
        (
            "mentions a thing that another sentence introduced",
            "Simes perceived that Kushner did not find the information to be of interest to anybody.",
        ),
        (
            "mentions a thing that another sentence introduced",
            "McGahn dismissed the threat, saying that the optics would be terrible if he was fired.",
        ),
        (
            "mentions a thing that another sentence introduced",
            "Kushner said that the event came when the campaign had trouble securing support.",
        ),
        (
            "mentions a thing that another sentence introduced",
            "Gates believed that the information was coming from a group in Kyrgyzstan.",
        ),
        (
            "not a whole sentence",
            "a fragment that begins nowhere and that ends without any verb of its own at all.",
        ),
        (
            "opens with a reference to another sentence",
            "They denied the report on the next day in a statement to the press.",
        ),
        (
            "refers to a thing that another sentence named",
            "This meeting took place in the Seychelles in January 2017, before the inauguration.",
        ),
        (
            "opens with a reference to another sentence",
            "However, Cohen pleaded guilty to making false statements to Congress in 2018.",
        ),
        (
            "opens with a reference to another sentence",
            "The latter was sentenced to forty months in prison by a court in Washington.",
        ),
        (
            "opens with a reference to another sentence",
            "As discussed above, the campaign had many contacts with Russian nationals in 2016.",
        ),
        (
            "opens with a reference to another sentence",
            "Those contacts did not amount to a conspiracy, according to the report of 2019.",
        ),
        (
            "opens with a reference to another sentence",
            "The group then went to Trump Tower for the meeting.",
        ),
        (
            "opens with a reference to another sentence",
            "The outreaches, however, came after Comey's announcement of March 20, 2017.",
        ),
        (
            "opens with a reference to another sentence",
            "After the story broke, the President sought to have McGahn deny it in public.",
        ),
        (
            "opens with a reference to another sentence",
            "In the same meeting, the President also asked McGahn why McGahn had taken notes.",
        ),
        (
            "refers to a thing that another sentence named",
            "This investigation led to four applications for the surveillance of Carter Page.",
        ),
        (
            "opens with a reference to another sentence",
            "In full, the statement read that the President had removed the Director of the FBI.",
        ),
        (
            "opens with a reference to another sentence",
            "Trump then smiled, pointed at Putin in Osaka and told him not to meddle in the election.",
        ),
        (
            "refers to another place or day",
            "The Transition Team turned to the relationship of Flynn with Kislyak on both issues.",
        ),
        (
            "refers to another place or day",
            "Manafort met Kilimnik again two weeks later in a hotel in Madrid, Spain.",
        ),
        (
            "refers to another place or day",
            "McGahn said that Trump called twice and on both occasions asked for an answer the next day.",
        ),
        (
            "refers to another place or day",
            "At some point that summer, Cohen told Trump that the project was going nowhere.",
        ),
        (
            "refers to a thing that another sentence named",
            "This is, by far, the most common cause of leaks of memory in projects.",
        ),
        (
            "refers to another place or day",
            "For the harbour of Oslo, and because of this, it is important to keep its pier.",
        ),
        (
            "too short or too long",
            "Trump said no.",
        ),
        (
            "damaged text",
            "GitHub takes a report through the {% data variables.contact.form %} at any time.",
        ),
    ],
)
def test_a_sentence_that_needs_another_sentence_is_rejected_with_the_reason(reason: str, text: str) -> None:
    assert why_not_standalone(text) == reason


@pytest.mark.parametrize(
    ("text", "refers"),
    [
        ("In addition, employees may take a sabbatical of six weeks.", True),
        ("In addition to these, employees may take a sabbatical of six weeks.", True),
        ("In addition to holidays, employees may take a sabbatical of six weeks.", False),
        ("As a result of the storm, the harbour stayed closed for a week.", False),
        ("As a result, the harbour stayed closed for a week.", True),
    ],
)
def test_an_opening_that_names_what_it_adds_to_refers_to_no_other_sentence(text: str, refers: bool) -> None:
    assert opens_with_reference(text) == refers
