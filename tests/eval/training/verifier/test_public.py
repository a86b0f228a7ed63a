"""Examples from public sets."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rag.eval.training.verifier.public import mixed_examples, parse_mixture, read_set


def test_claims_on_one_evidence_are_given_together_up_to_eight(data: Path) -> None:
    examples = read_set(data / "support" / "nli_small.jsonl", 0, random.Random(1))
    assert sorted(len(example.claims) for example in examples) == [2, 2, 2, 8, 8, 8]
    claims = [claim for example in examples for claim in example.claims]
    assert all(claim.supported == (int(claim.text[6:-1]) % 2 == 0) for claim in claims)


def test_a_count_limits_the_claims(data: Path) -> None:
    examples = mixed_examples(data / "support", {"nli_small": 5}, random.Random(1))
    assert sum(len(example.claims) for example in examples) == 10


def test_a_mixture_names_sets_and_counts() -> None:
    assert parse_mixture(["a:3", "b"]) == {"a": 3, "b": 0}
    with pytest.raises(ValueError, match="a:x: the count after the colon must be a whole number"):
        parse_mixture(["a:x"])
