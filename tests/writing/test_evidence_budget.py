"""The evidence of a large model: what fits its tokens, in the order of the hits, near-duplicates once."""

from __future__ import annotations

from briefs import chunk

from rag.types import Chunk, Hit
from rag.writing.evidence_budget import MAX_HITS, fit_evidence, hits_to_fill
from rag.writing.passages import place_of

MEETING = "The harbour board of Oslo met on 3 May 2011 to consider a new pier for the ferries of Nesodden."
REPRINTED = f"Minutes, reprinted. {MEETING}"
COST = "The auditor of the city put the cost of the pier at 41 million kroner in a report of 2014."


def hits(*texts: str) -> list[Hit]:
    return [
        Hit(chunk=chunk(f"{rank}.md", text, title="Pier"), rank=rank, score=1 / rank)
        for rank, text in enumerate(texts, 1)
    ]


def words(passage: Chunk) -> int:
    return len(f"{place_of(passage)}\n{passage.text}".split())


def test_hits_are_taken_in_order_until_the_tokens_are_spent_and_a_shorter_one_may_still_fit() -> None:
    found = hits(MEETING, "It was long. " * 20, COST, "Boats use it.")
    budget = sum(words(hit.chunk) for hit in (found[0], found[2]))
    assert fit_evidence(found, budget, words) == [found[0], found[2]]


def test_the_best_hit_is_taken_even_if_it_is_longer_than_the_budget() -> None:
    found = hits(MEETING, COST)
    assert fit_evidence(found, 1, words) == found[:1]


def test_a_passage_that_adds_little_to_a_better_one_is_left_out_and_one_that_adds_much_is_not() -> None:
    found = hits(MEETING, REPRINTED, f"{MEETING} {COST}")
    assert fit_evidence(found, 1_000, words) == [found[0], found[2]]


def test_two_passages_too_short_for_a_word_sequence_are_no_duplicates() -> None:
    found = hits("Boats use it.", "Boats use it?")
    assert fit_evidence(found, 1_000, words) == found


def test_as_many_hits_are_retrieved_as_may_fill_the_budget() -> None:
    assert hits_to_fill(12_000) == 92
    assert hits_to_fill(1_000_000) == MAX_HITS
