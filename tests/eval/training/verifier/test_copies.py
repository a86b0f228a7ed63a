"""Near copies of a passage as claims: what is true stands in the passage, what is false differs from it in one fact."""

from __future__ import annotations

import random

from rag.eval.training.verifier.copies import copied_examples
from rag.eval.training.verifier.prose import Passage

PASSAGES = [
    Passage(
        id=f"P{number}",
        domain="history",
        title="The ferry",
        sentences=(
            f"The ferry from Dover sank in May 19{number} with all of its {number} passengers.",
            "Captain Brown had refused (as he told Mrs Miller) to leave the port of Dover before noon.",
            "It sank.",
        ),
    )
    for number in range(10, 40)
]


def test_a_true_claim_is_a_sentence_or_part_of_it_and_its_twin_is_not() -> None:
    kinds = set()
    for example in copied_examples(PASSAGES, 1.0, random.Random(1)):
        for claim, twin in zip(example.claims[::2], example.claims[1::2], strict=True):
            assert claim.supported
            assert claim.text in example.evidence or claim.text.replace("refused to", "refused (as") != claim.text
            assert not twin.supported
            assert twin.text not in example.evidence
            assert twin.unsupported
            kinds.add(twin.kind)
    assert kinds >= {"number", "date", "name", "role", "negation", "opposite"}


def test_short_sentences_are_no_claims() -> None:
    examples = list(copied_examples(PASSAGES, 1.0, random.Random(1)))
    assert not [claim for example in examples for claim in example.claims if len(claim.text.split()) < 5]


def test_a_share_of_the_passages_is_taken() -> None:
    assert 5 <= len(list(copied_examples(PASSAGES, 0.4, random.Random(2)))) <= 20
