"""The ladder: a sentence leaves it with citations that state it, or not at all, and the trace tells what was done."""

from __future__ import annotations

import pytest

from rag.errors import ReplyError
from rag.types import Chunk, Quote, Sentence, chunk_id
from rag.verify.verifier import default_verifier
from rag.writing.evidence import EvidenceSentence
from rag.writing.repair import REWRITES, RepairPolicy
from rag.writing.writers import Draft

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
COHENS, CANALS, FLYNNS = EVIDENCE


def note(of: Chunk, text: str) -> EvidenceSentence:
    start = of.text.index(text)
    return EvidenceSentence(text=text, chunk=of, start=start, end=start + len(text))


NOTE = note(COHENS, "Judge William Pauley sentenced Cohen to three years in prison on December 12, 2018.")
TRUE = "Cohen was sentenced to three years in prison on December 12, 2018."
FALSE = "Cohen was sentenced to seven years in prison on December 12, 2018."


def never(draft: Draft, fault: str) -> Draft | None:
    pytest.fail(f"no rewriting was needed: {fault}")


def policy(rewrite: object = never) -> RepairPolicy:
    return RepairPolicy(verifier=default_verifier(), evidence=EVIDENCE, rewrite=rewrite)  # type: ignore[arg-type]


def test_a_true_sentence_keeps_its_citation_and_gets_the_quote_that_states_it() -> None:
    steps = policy()
    [sentence] = steps.settle([Draft(text=TRUE, chunks=(COHENS,), notes=(NOTE,))], "1")
    assert sentence.citations == (COHENS.id,)
    assert sentence.quotes[0].text == NOTE.text
    assert sentence.support == "full"
    assert steps.log == ()


def test_a_sentence_that_cites_the_wrong_passage_is_put_on_the_one_that_states_it() -> None:
    steps = policy()
    [sentence] = steps.settle([Draft(text=TRUE, chunks=(CANALS,), notes=(NOTE,))], "1")
    assert (sentence.text, sentence.citations) == (TRUE, (COHENS.id,))
    assert [entry.action for entry in steps.log] == ["reattribute"]


def test_a_citation_that_is_neither_needed_nor_enough_is_removed() -> None:
    steps = policy()
    [sentence] = steps.settle([Draft(text=TRUE, chunks=(CANALS, COHENS), notes=(NOTE,))], "1")
    assert sentence.citations == (COHENS.id,)
    assert CANALS.id in steps.log[0].why


def test_a_sentence_made_of_notes_stays_with_their_passages_and_quotes_them() -> None:
    steps = policy(lambda draft, fault: None)
    made = Draft(text=TRUE, chunks=(COHENS,), notes=(NOTE,), provenance=True)
    [sentence] = steps.settle([made], "1")
    assert [quote.text for quote in sentence.quotes] == [NOTE.text]
    astray = Draft(text="The Panama Canal opened on August 15, 1914.", chunks=(COHENS,), notes=(NOTE,), provenance=True)
    [instead] = steps.settle([astray], "1")
    assert (instead.text, instead.citations) == (NOTE.text, (COHENS.id,))
    assert [entry.action for entry in steps.log] == ["quote"]


def test_a_sentence_that_two_passages_state_together_keeps_both() -> None:
    both = "Cohen pleaded guilty on November 29, 2018, and Flynn spoke with Ambassador Kislyak on December 29, 2016."
    [sentence] = policy().settle([Draft(text=both, chunks=(COHENS, FLYNNS), notes=())], "1")
    assert set(sentence.citations) == {COHENS.id, FLYNNS.id}
    assert {quote.chunk_id for quote in sentence.quotes} == {COHENS.id, FLYNNS.id}


def test_a_false_sentence_is_worded_anew_and_the_new_words_are_verified_too() -> None:
    def mends(draft: Draft, fault: str) -> Draft:
        assert "seven" in fault
        return Draft(text=TRUE, chunks=draft.chunks, notes=draft.notes)

    steps = policy(mends)
    [sentence] = steps.settle([Draft(text=FALSE, chunks=(COHENS,), notes=(NOTE,))], "1")
    assert sentence.text == TRUE
    assert [(entry.action, entry.before) for entry in steps.log] == [("rewrite", FALSE)]


@pytest.mark.parametrize("reply", ["Cohen was sentenced to eight years in prison.", None, ReplyError("empty")])
def test_where_rewriting_does_not_help_the_evidence_is_quoted(reply: str | ReplyError | None) -> None:
    def fails(draft: Draft, fault: str) -> Draft | None:
        if isinstance(reply, ReplyError):
            raise reply
        return Draft(text=reply, chunks=draft.chunks, notes=draft.notes) if reply else None

    steps = policy(fails)
    [sentence] = steps.settle([Draft(text=FALSE, chunks=(COHENS,), notes=(NOTE,))], "1")
    assert sentence.text == NOTE.text
    assert [entry.action for entry in steps.log] == ["quote"]


def test_a_false_sentence_with_nothing_to_quote_is_dropped() -> None:
    steps = policy(lambda draft, fault: None)
    assert steps.settle([Draft(text=FALSE, chunks=(COHENS,), notes=())], "1") == []
    assert [entry.action for entry in steps.log] == ["drop"]


def test_a_brief_spends_four_rewrites_and_no_more() -> None:
    asked: list[str] = []

    def counts(draft: Draft, fault: str) -> None:
        asked.append(draft.text)

    steps = policy(counts)
    for year in range(REWRITES + 3):
        steps.settle([Draft(text=f"Cohen was sentenced in {1990 + year} to prison.", chunks=(COHENS,), notes=())], "1")
    assert len(asked) == REWRITES == 4


def test_fused_sentences_whose_notes_can_be_told_instead_spend_one_of_them() -> None:
    asked: list[str] = []

    def counts(draft: Draft, fault: str) -> None:
        asked.append(draft.text)

    steps = policy(counts)
    for _ in range(3):
        steps.settle([Draft(text=FALSE, chunks=(COHENS,), notes=(NOTE, NOTE), provenance=True)], "1")
    assert len(asked) == 1


def printed(text: str, of: Chunk, quote: str) -> Sentence:
    start = of.text.index(quote)
    kept = Quote(chunk_id=of.id, start=start, end=start + len(quote), text=quote)
    return Sentence(text=text, citations=(of.id,), support="full", score=1.0, quotes=(kept,))


def test_a_summary_says_what_the_sections_say() -> None:
    steps = policy()
    body = [printed(NOTE.text, COHENS, NOTE.text)]
    follows = printed(TRUE, COHENS, NOTE.text)
    true_but_unsaid = printed("The Panama Canal opened on August 15, 1914.", CANALS, CANAL[:60])
    assert steps.follow([follows, true_but_unsaid], body, "summary", set()) == (follows,)
    assert [entry.action for entry in steps.log] == ["drop"]


def test_a_summary_sentence_that_goes_beyond_its_section_gives_way_to_the_section_s() -> None:
    steps = policy()
    body = [printed("Judge William Pauley sentenced Cohen to prison.", COHENS, NOTE.text)]
    beyond = printed("Cohen lied to two committees of Congress about Moscow.", COHENS, NOTE.text)
    assert steps.follow([beyond], body, "summary", set()) == (body[0],)
