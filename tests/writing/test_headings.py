"""Headings: chosen from the documents, or written by a model and checked."""

from __future__ import annotations

import pytest
from briefs import chunk

from rag.writing.evidence import EvidenceSentence
from rag.writing.headings import heading_fault, heading_similarity_fault, headings_from_documents

TOLD = "Manafort told of a meeting with Kilimnik."
MET = "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016."


def evidence(text: str, *heading_path: str, title: str = "Report") -> EvidenceSentence:
    source = chunk(f"{title}.md", text, title=title, heading_path=heading_path)
    return EvidenceSentence(text=text, chunk=source, start=0, end=len(text))


def test_a_heading_in_the_words_of_its_section_has_no_fault() -> None:
    assert heading_fault("Manafort's meeting with Kilimnik", [TOLD], []) is None


@pytest.mark.parametrize(
    ("heading", "statements", "fault"),
    [
        ("Kilimnik's meeting with Manafort", [TOLD], "puts together what no sentence says in this order"),
        ("Manafort's dinner with Kilimnik", [TOLD], "brings words of its own: dinner"),
        ("Manafort and Deripaska", [MET], "names Deripaska, which the section does not"),
        ("Events", [MET], "is not 3 to 7 words"),
        ("The Manafort", [MET], "is not 3 to 7 words"),
        ("Manafort and New York", [MET], "joins what no sentence joins: and New"),
        (
            "Putin's recognition of Moscow",
            ["Putin's recognition of Donetsk.", "A tower in Moscow."],
            "puts together what no sentence says in this order",
        ),
    ],
)
def test_the_fault_of_a_heading_is_named(heading: str, statements: list[str], fault: str) -> None:
    assert heading_fault(heading, statements, []) == fault


def test_a_heading_that_shares_most_words_with_another_is_rejected() -> None:
    fault = 'is much like "Kilimnik\'s meeting with Manafort"'
    assert heading_fault("Manafort's meeting with Kilimnik", [TOLD], ["Kilimnik's meeting with Manafort"]) == fault
    assert heading_similarity_fault("The meeting with Manafort", ["Kilimnik's meeting with Manafort"]) == fault
    assert heading_similarity_fault("The tower in Moscow", ["Kilimnik's meeting with Manafort"]) is None


def test_a_group_takes_the_closest_specific_heading_of_its_documents() -> None:
    group = [evidence(MET, "IV. Contacts", "A. Polling data", "Background"), evidence(TOLD, "IV. Contacts", "Overview")]
    assert headings_from_documents([group]) == ["Polling data"]


def test_no_two_groups_get_the_same_heading() -> None:
    groups = [[evidence(MET, "Polling data")], [evidence(TOLD, "Polling data")]]
    first, second = headings_from_documents(groups)
    assert first == "Polling data"
    assert second != first


def test_a_group_without_headings_is_named_after_full_names_in_its_sentences() -> None:
    assert headings_from_documents([[evidence(MET)]]) == ["Paul Manafort"]
