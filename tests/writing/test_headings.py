"""Headings: chosen from the documents, or written by a model and checked."""

from __future__ import annotations

import pytest
from briefs import chunk

from rag.writing.evidence import EvidenceSentence
from rag.writing.headings import (
    clean_heading,
    heading_fault,
    heading_of_passages,
    headings_from_documents,
    taken_heading_fault,
)

TOLD = "Manafort told of a meeting with Kilimnik."
MET = "Paul Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016."


def evidence(text: str, *heading_path: str, title: str = "Report") -> EvidenceSentence:
    source = chunk(f"{title}.md", text, title=title, heading_path=heading_path)
    return EvidenceSentence(text=text, chunk=source, start=0, end=len(text))


LEASE = "Term of the lease. The tenant, Halden Foods, pays 4,000 euros a month until 31 March 2027, and may extend it."
TRIAL = "Results. In the Norwegian trial, 84 patients took metformin for 12 weeks; glucose fell in Bergen."
MINUTES = "Minutes of the board. On 4 May 2011 Ingrid Solberg moved to defer the audit, but lost by two votes."
RELEASE = "Release notes. Version 25 of the node drops the UPnP option; wallets made before 2021 need a migration."


@pytest.mark.parametrize(
    ("heading", "evidence"),
    [
        ("How long the tenant is bound", LEASE),
        ("Rent and renewal at Halden Foods", LEASE),
        ("A modest effect on blood sugar after three months", TRIAL),
        ("Norway's trial of an old drug", TRIAL),
        ("Solberg's defeat", MINUTES),
        ("Audit goes ahead after the motion of May 2011 fails", MINUTES),
        ("What breaks for older wallets", RELEASE),
        ("Farewell to UPnP", RELEASE),
        ("Two votes decide", MINUTES),
        ("Migration", RELEASE),
        ("The end of the lease on 31 March 2027", LEASE),
    ],
)
def test_a_heading_in_the_writers_own_words_has_no_fault(heading: str, evidence: str) -> None:
    assert heading_fault(heading, [evidence], ["Another theme"]) is None


@pytest.mark.parametrize(
    ("heading", "evidence", "fault"),
    [
        ("The lease of Orkla", LEASE, "names Orkla, which the section does not"),
        ("Rent of 5,000 euros", LEASE, "names 5,000 euros, which the section does not"),
        ("A lease until 2031", LEASE, "names 2031, which the section does not"),
        ("Sweden's trial of an old drug", TRIAL, "names Sweden, which the section does not"),
        ("Better results in Oslo", TRIAL, "names Oslo, which the section does not"),
        ("The motion of June 2011", MINUTES, "names June 2011, which the section does not"),
        ("The audit in March", MINUTES, "names March, which the section does not"),
        ("A vote against Ingrid Larsen", MINUTES, "names Larsen, which the section does not"),
        ("Changes in version 26", RELEASE, "names 26, which the section does not"),
        ("", RELEASE, "is not 1 to 12 words"),
        ("one two three four five six seven eight nine ten eleven twelve more", RELEASE, "is not 1 to 12 words"),
    ],
)
def test_a_heading_may_not_name_what_the_section_does_not(heading: str, evidence: str, fault: str) -> None:
    assert heading_fault(heading, [evidence], []) == fault


def test_a_heading_in_title_case_is_not_refused_for_its_capitals() -> None:
    assert heading_fault("A Norwegian Trial Of Metformin In Bergen", [TRIAL], []) is None


def test_a_heading_is_taken_whatever_its_case_and_punctuation() -> None:
    fault = "is the heading of another section: 'Older wallets: what breaks'"
    assert taken_heading_fault("Older wallets – what breaks", ["Older wallets: what breaks"]) == fault
    assert heading_fault("OLDER WALLETS, what breaks", [RELEASE], ["Older wallets: what breaks"]) is not None
    assert taken_heading_fault("What breaks for older wallets", ["Older wallets: what breaks"]) is None


@pytest.mark.parametrize(
    ("heading", "cleaned"),
    [
        ("## 3. the defeat of a motion.", "The defeat of a motion"),
        ("“Migration of wallets”", "Migration of wallets"),
        ("A Norwegian Trial Of Metformin In Bergen", "A Norwegian Trial Of Metformin In Bergen"),
        ("RENT AND RENEWAL", "Rent and renewal"),
        ("UPnP and wallets", "UPnP and wallets"),
        ("Halden Foods", "Halden Foods"),
    ],
)
def test_the_case_and_punctuation_of_a_heading_are_cleaned(heading: str, cleaned: str) -> None:
    assert clean_heading(heading, [LEASE, TRIAL, MINUTES, RELEASE]) == cleaned


def test_a_group_takes_the_closest_specific_heading_of_its_documents() -> None:
    group = [evidence(MET, "IV. Contacts", "A. Polling data", "Background"), evidence(TOLD, "IV. Contacts", "Overview")]
    assert headings_from_documents([group]) == ["Polling data"]


def test_no_two_groups_get_the_same_heading() -> None:
    groups = [[evidence(MET, "Polling data")], [evidence(TOLD, "Polling data")]]
    first, second = headings_from_documents(groups)
    assert first == "Polling data"
    assert second != first


def test_the_heading_of_passages_is_that_of_their_documents_with_a_number_if_it_is_taken() -> None:
    passages = [evidence(text, "Polling data").chunk for text in (MET, TOLD)]
    assert heading_of_passages(passages, []) == "Polling data"
    assert heading_of_passages(passages, ["Polling Data"]) == "Polling data (2)"


def test_a_group_without_headings_is_named_after_full_names_in_its_sentences() -> None:
    assert headings_from_documents([[evidence(MET)]]) == ["Paul Manafort"]


@pytest.mark.parametrize(("heading", "fault"), [("Manchuria, 1931–32", False), ("Manchuria, 1931–33", True)])
def test_a_span_of_years_may_have_its_second_one_shortened(heading: str, fault: bool) -> None:
    found = heading_fault(heading, ["Manchuria fell in September 1931.", "The note of 1932 named no sanctions."], [])
    assert bool(found) == fault


@pytest.mark.parametrize("date", ["2018-05-02", "2018-05", "2018/05/02"])
def test_a_date_in_a_heading_is_no_span_of_years(date: str) -> None:
    assert heading_fault(f"Meeting of {date}", [f"The board met on {date}."], []) is None
