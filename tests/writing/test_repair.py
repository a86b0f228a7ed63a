"""Repairs: a sentence is printed with citations that state it or not at all, and the log says what was done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag._internal.ids import chunk_id
from rag.types import Chunk
from rag.verify import default_verifier
from rag.writing.drafts import Draft
from rag.writing.evidence import EvidenceSentence
from rag.writing.repair import RepairPolicy

pytestmark = pytest.mark.integration

COHEN = (
    "Michael Cohen pleaded guilty on November 29, 2018, in Manhattan. He admitted that he had lied to two "
    "committees of "
    "Congress about the Moscow project, which he had said ended in January 2016. Judge William Pauley sentenced Cohen "
    "to three years in prison on December 12, 2018."
)
CANAL = (
    "The Panama Canal opened to ships on August 15, 1914, after ten years of American work. The steamer Ancon made the "
    "first official passage. About 5,600 workers died of disease and accidents while the Americans built the canal."
)
FLYNN = (
    "Michael Flynn spoke with Ambassador Sergey Kislyak on December 29, 2016, about the sanctions that "
    "President Obama had "
    "announced. Flynn told the FBI on January 24, 2017, that he had not discussed the sanctions."
)


def chunk(name: str, text: str) -> Chunk:
    return Chunk(id=chunk_id(name, 0, text), document_id=name, text=text, start=0, end=len(text), title=name.title())


EVIDENCE = [chunk("cohen", COHEN), chunk("canal", CANAL), chunk("flynn", FLYNN)]
COHEN_CHUNK, CANAL_CHUNK, FLYNN_CHUNK = EVIDENCE


def evidence_in(of: Chunk, text: str) -> EvidenceSentence:
    start = of.text.index(text)
    return EvidenceSentence(text=text, chunk=of, start=start, end=start + len(text))


SENTENCE = evidence_in(
    COHEN_CHUNK, "Judge William Pauley sentenced Cohen to three years in prison on December 12, 2018."
)
TRUE = "Cohen was sentenced to three years in prison on December 12, 2018."
FALSE = "Cohen was sentenced to seven years in prison on December 12, 2018."


def policy() -> RepairPolicy:
    return RepairPolicy(verifier=default_verifier(), evidence=EVIDENCE)


def test_a_supported_sentence_keeps_its_citation_and_gets_the_quote_that_states_it() -> None:
    repairs = policy()
    [sentence] = repairs.verified_sentences([Draft(text=TRUE, chunks=(COHEN_CHUNK,), evidence=(SENTENCE,))], "1")
    assert sentence.citations == (COHEN_CHUNK.id,)
    assert sentence.quotes[0].text == SENTENCE.text
    assert sentence.support == "full"
    assert repairs.log == ()


def test_a_sentence_that_cites_the_wrong_chunk_is_reattributed_to_the_one_that_states_it() -> None:
    repairs = policy()
    [sentence] = repairs.verified_sentences([Draft(text=TRUE, chunks=(CANAL_CHUNK,), evidence=(SENTENCE,))], "1")
    assert (sentence.text, sentence.citations) == (TRUE, (COHEN_CHUNK.id,))
    assert [entry.action for entry in repairs.log] == ["reattribute"]


def test_a_citation_that_is_neither_needed_nor_sufficient_is_removed() -> None:
    repairs = policy()
    [sentence] = repairs.verified_sentences(
        [Draft(text=TRUE, chunks=(CANAL_CHUNK, COHEN_CHUNK), evidence=(SENTENCE,))], "1"
    )
    assert sentence.citations == (COHEN_CHUNK.id,)
    assert CANAL_CHUNK.id in repairs.log[0].why


def test_a_sentence_that_two_chunks_state_jointly_keeps_both() -> None:
    both = "Cohen pleaded guilty on November 29, 2018, and Flynn spoke with Ambassador Kislyak on December 29, 2016."
    draft = Draft(text=both, chunks=(COHEN_CHUNK, FLYNN_CHUNK), evidence=())
    [sentence] = policy().verified_sentences([draft], "1")
    assert set(sentence.citations) == {COHEN_CHUNK.id, FLYNN_CHUNK.id}
    assert {quote.chunk_id for quote in sentence.quotes} == {COHEN_CHUNK.id, FLYNN_CHUNK.id}


def test_evidence_is_quoted_in_place_of_a_false_sentence() -> None:
    repairs = policy()
    [sentence] = repairs.verified_sentences([Draft(text=FALSE, chunks=(COHEN_CHUNK,), evidence=(SENTENCE,))], "1")
    assert sentence.text == SENTENCE.text
    assert [(entry.action, entry.before) for entry in repairs.log] == [("quote", FALSE)]
    assert "P(" not in repairs.log[0].why


def test_a_false_sentence_that_no_evidence_is_near_is_dropped() -> None:
    repairs = policy()
    cheese = Draft(text="The moon is made of a ripe kind of cheese.", chunks=(COHEN_CHUNK,), evidence=())
    assert repairs.verified_sentences([cheese], "1") == []
    assert [entry.action for entry in repairs.log] == ["drop"]


def test_evidence_that_refers_to_the_sentence_before_it_replaces_a_draft_together_with_this_sentence() -> None:
    pleaded = evidence_in(COHEN_CHUNK, "Michael Cohen pleaded guilty on November 29, 2018, in Manhattan.")
    admitted = evidence_in(
        COHEN_CHUNK,
        "He admitted that he had lied to two committees of Congress about the Moscow project, which he had said ended "
        "in January 2016.",
    )
    draft = Draft(
        text="Cohen lied to seven committees of Congress about the Moscow project in January 2016.",
        chunks=(COHEN_CHUNK,),
        evidence=(replace(admitted, after=pleaded), pleaded),
    )
    printed = policy().verified_sentences([draft], "summary")
    assert [each.text for each in printed] == [pleaded.text, admitted.text]
