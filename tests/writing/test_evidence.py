"""Evidence sentences: their text, and what has to be quoted with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from briefs import chunk

from rag.types import Hit
from rag.writing.evidence import (
    EvidenceSentence,
    evidence_sentences,
    opens_with_surname_of_chunk,
    qualifies,
    with_qualifications,
)


def sentences_in(text: str) -> list[EvidenceSentence]:
    return list(evidence_sentences([Hit(chunk=chunk("report", text), rank=1, score=1.0)]))


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_an_opening_that_only_connects_a_sentence_is_left_out(text: str, expected: str) -> None:
    [sentence] = sentences_in(text)
    assert sentence.text == expected
    assert " ".join(sentence.quote.text.split()).lower() == expected.lower()


def test_an_evidence_sentence_becomes_a_sentence_that_cites_its_chunk_and_quotes_it() -> None:
    [evidence] = sentences_in("The board of Oslo\nmet on 3 May 2011 to consider the pier.")
    sentence = evidence.as_sentence()
    assert sentence.text == "The board of Oslo met on 3 May 2011 to consider the pier."
    assert sentence.citations == (evidence.chunk.id,)
    assert sentence.quotes[0].text == evidence.chunk.text


def test_a_sentence_that_two_chunks_contain_is_given_once() -> None:
    text = "The board of Oslo met on 3 May 2011 to consider the pier."
    hits = [Hit(chunk=chunk(name, text), rank=rank, score=1.0 / rank) for rank, name in enumerate(("a", "b"), 1)]
    assert [sentence.chunk.document_id for sentence in evidence_sentences(hits)] == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Accordingly, while this report does not conclude that the President committed a crime, it also does not "
            "exonerate him.",
            "“[…] while this report does not conclude that the President committed a crime, it also does not exonerate "
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
def test_a_sentence_in_which_authors_refer_to_themselves_is_put_in_quotation_marks(text: str, expected: str) -> None:
    assert [sentence.text for sentence in sentences_in(text)] == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_a_sentence_qualifies_the_one_that_it_directly_follows_and_partly_takes_back(text: str, expected: bool) -> None:
    first, *_, last = sentences_in(text)
    assert qualifies(last, first) is expected
    assert not qualifies(first, last)


def test_the_qualification_of_a_qualification_is_included() -> None:
    first, second, third = sentences_in(
        "The report identified numerous links between the campaign and the Russian government. "
        "The investigation found no evidence of payments, and it identified two more links to banks. "
        "The investigation did not establish that the campaign conspired with the Russian government."
    )
    assert with_qualifications(first, [third, second, first]) == [first, second, third]
    assert with_qualifications(third, [first, second]) == [third]


def test_between_quotation_marks_stands_what_the_chunk_says_or_a_mark_of_what_is_left_out() -> None:
    text = "but we found that the vaccine kept its full strength for a month at room temperature."
    [sentence] = sentences_in(text)
    assert sentence.text == "“[…] we found that the vaccine kept its full strength for a month at room temperature.”"


def test_this_with_a_word_of_the_title_is_clear_and_quoted_and_other_this_is_not_understood() -> None:
    text = (
        "This PEP proposes the operator := that binds a value within an expression. "
        "This approach was rejected by many of the core developers in 2018."
    )
    hit = Hit(chunk=replace(chunk("pep", text), title="PEP 572: Assignment Expressions"), rank=1, score=1.0)
    assert [sentence.text for sentence in evidence_sentences([hit])] == [
        "“This PEP proposes the operator := that binds a value within an expression.”"
    ]


def test_code_that_opens_a_sentence_keeps_its_letters() -> None:
    text = "debug_assert!(…) is compiled only in builds that are not optimised by the compiler."
    assert [sentence.text for sentence in sentences_in(text)] == [text]


def test_we_in_a_name_does_not_refer_to_the_authors() -> None:
    [sentence] = sentences_in("The song We Are the World was recorded in January 1985 in Los Angeles.")
    assert not sentence.text.startswith("“")


def test_a_lone_surname_that_the_chunk_introduced_is_told_from_a_full_name() -> None:
    text = (
        "Ali Maow Maalin, a cook in Merca, fell ill with smallpox in October 1977. "
        "Maalin recovered from the last naturally occurring case of smallpox in the world."
    )
    first, second = sentences_in(text)
    assert not opens_with_surname_of_chunk(first)
    assert opens_with_surname_of_chunk(second)


def test_a_line_of_code_is_no_evidence_sentence() -> None:
    said = "The committee of the Senate received the documents in March 2019."
    assert [each.text for each in sentences_in(f"{said}\n\n    Butler printed all of the letters in May 2018.")] == [
        said
    ]


def test_a_line_without_a_full_stop_is_given_one_where_a_model_reads_it_and_left_out_elsewhere() -> None:
    passage = "- The council had no objection to the new lock\n- Ada Lovelace (voting member of the council)"
    hit = Hit(chunk=chunk("minutes", passage), rank=1, score=1.0)
    assert list(evidence_sentences([hit])) == []
    first, *_ = evidence_sentences([hit], lambda text, _: text.endswith("."), lines=True)
    assert first.text == "The council had no objection to the new lock."
    assert first.quote.text == "The council had no objection to the new lock"
