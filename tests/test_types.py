"""The rules that the constructors of the data types enforce."""

from __future__ import annotations

from dataclasses import replace

import pytest
from briefs import answered, chunk

from rag.types import Brief, Section, Sentence


def test_a_sentence_needs_a_citation() -> None:
    with pytest.raises(ValueError, match="needs a citation"):
        Sentence(text="Something happened.", citations=(), support="full", score=1.0, quotes=())


def test_a_sentence_needs_a_quote_from_a_chunk_that_it_cites() -> None:
    sentence = next(answered().sentences())
    with pytest.raises(ValueError, match="needs the quote"):
        replace(sentence, quotes=())
    with pytest.raises(ValueError, match="not cited"):
        replace(sentence, citations=("other.00000000",))


def test_a_brief_cannot_cite_a_chunk_that_was_not_retrieved() -> None:
    brief = answered()
    with pytest.raises(ValueError, match="was not retrieved"):
        replace(brief, evidence=brief.evidence[:0])


def test_a_brief_cannot_quote_words_that_the_chunk_does_not_have() -> None:
    brief = answered()
    first = brief.summary[0]
    altered = replace(first, quotes=(replace(first.quotes[0], text="words of somebody else"),))
    with pytest.raises(ValueError, match="not the words"):
        replace(brief, summary=(altered, *brief.summary[1:]))


def test_an_answered_brief_needs_sections_and_a_section_needs_sentences() -> None:
    brief: Brief = answered()
    with pytest.raises(ValueError, match="0 sections"):
        replace(brief, sections=())
    with pytest.raises(ValueError, match="is empty"):
        Section(heading="Nothing", sentences=())


def test_sources_are_numbered_in_the_order_of_first_citation() -> None:
    brief = answered()
    order = list(dict.fromkeys(cited for s in brief.sentences() for cited in s.citations))
    assert [c.id for c in brief.cited()] == order


@pytest.mark.parametrize(
    ("document_id", "title", "date", "place"),
    [
        ("rfcs/rfc-128-deployment.md", "Continuous Deployment", None, "Continuous Deployment, rfc-128-deployment"),
        ("rfc-128.md", "RFC 128: Continuous Deployment", None, "RFC 128: Continuous Deployment"),
        ("meetings/2024-04-17.md", "Meeting", "2024-04-17", "Meeting, 2024-04-17"),
        ("pier.md", "The pier", None, "The pier"),
    ],
)
def test_the_place_of_a_chunk_has_a_number_that_only_the_name_of_its_file_gives(
    document_id: str, title: str, date: str | None, place: str
) -> None:
    assert chunk(document_id, "Each merge is deployed.", title=title, date=date).place == place
