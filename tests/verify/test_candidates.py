"""Which pairs of a search a verifier reads."""

from __future__ import annotations

from rag._internal.ids import chunk_id
from rag.types import Chunk
from rag.verify.candidates import near_chunks, promising_pairs


def test_a_claim_with_few_pairs_keeps_them_all() -> None:
    assert promising_pairs([("a", ["x"]), ("b", ["x"]), ("a", ["y"])], [0.1, 0.2, 0.3], 2) == [0, 1, 2]


def test_of_many_pairs_the_best_scored_remain() -> None:
    pairs = [("a", ["x"]), ("a", ["y"]), ("a", ["z"]), ("b", ["x"])]
    assert promising_pairs(pairs, [0.1, 0.4, 0.3, 0.0], 2) == [1, 2, 3]


def test_the_pair_with_the_most_evidence_remains_whatever_its_score() -> None:
    pairs = [("a", ["x"]), ("a", ["y"]), ("a", ["x", "y", "z"])]
    assert promising_pairs(pairs, [0.1, 0.4, 0.0], 2) == [1, 2]


def test_near_chunks_are_those_that_share_the_rare_words_of_the_claim_in_order() -> None:
    texts = [
        "The town has a harbour.",
        "The ferry Alma sank off Bergen.",
        "A town by the sea.",
        "Bergen has a harbour.",
    ]
    chunks = [
        Chunk(id=chunk_id(str(at), 0, text), document_id=str(at), text=text, start=0, end=len(text))
        for at, text in enumerate(texts)
    ]
    found = near_chunks("The Alma sank off the harbour of Bergen.", chunks, 2)
    assert [chunk.text for chunk in found] == [texts[1], texts[3]]
    assert near_chunks("Anything.", chunks) == chunks
    assert near_chunks("Anything.", []) == []
