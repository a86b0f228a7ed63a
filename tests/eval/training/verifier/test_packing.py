"""Packs keep the order of claims, keep twins in one pack, and label the tokens of unsupported words."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rag.eval.training.verifier.examples import Example, ExampleClaim, twins
from rag.eval.training.verifier.packing import (
    Packer,
    batches,
    best_window,
    collate_training,
    load_tokenizer,
)

pytestmark = pytest.mark.integration


def example(pairs: int) -> Example:
    claims = [claim for _ in range(pairs) for claim in twins("The ferry sank in May.", "The ferry sank in June.")]
    alone = ExampleClaim(text="A storm sank the ferry.", supported=False)
    return Example(evidence="The ferry sank.", claims=(alone, *claims), source="history")


def test_claims_stay_in_order_and_a_twin_in_the_pack_of_its_claim(base: Path) -> None:
    packer = Packer(tokenizer=load_tokenizer(base), max_total=32)
    packs = packer.pack([example(4)])
    assert len(packs) > 2
    assert [label for pack in packs for label in pack.labels] == [0, *[1, 0] * 4]
    assert not any(pack.has_twin[-1] for pack in packs)
    assert all(pack.pack.length - len(pack.pack.claims[-1]) - 2 <= 32 for pack in packs)  # the last may be a twin


def test_tokens_of_changed_words_are_labelled(base: Path) -> None:
    tokenizer = load_tokenizer(base)
    batch = collate_training(Packer(tokenizer=tokenizer).pack([example(1), example(2)]))
    assert batch.labels.tolist() == [0, 1, 0, 0, 1, 0, 1, 0]
    assert batch.twins.tolist() == [[1, 2], [4, 5], [6, 7]]
    row, start = int(batch.batch.rows[2]), int(batch.batch.starts[2])
    # The last word of the twin and its full stop, between <s> and </s>.
    assert batch.token_labels[row, start : start + 8].tolist() == [-1, 0, 0, 0, 0, 1, 1, -1]
    row, start = int(batch.batch.rows[0]), int(batch.batch.starts[0])
    assert set(batch.token_labels[row, start : start + 8].tolist()) == {-1}


def test_long_evidence_and_claims_are_cut(base: Path) -> None:
    packer = Packer(tokenizer=load_tokenizer(base), max_evidence=3, max_claim=2)
    (pack,) = packer.pack([example(1)])
    assert [len(pack.pack.evidence), *map(len, pack.pack.claims)] == [3, 2, 2, 2]
    assert pack.token_labels == (None, (0, 0), (0, 0))


def test_the_window_is_the_first_with_most_tokens_of_the_claims() -> None:
    assert best_window([5, 6, 7, 8, 9, 7, 8], [[7], [8, 4]], 2) == [7, 8]
    assert best_window([5, 6], [[7]], 2) == [5, 6]


def test_batches_hold_each_pack_once_and_at_most_so_many_tokens() -> None:
    lengths = [random.Random(seed).randint(5, 90) for seed in range(1500)]
    found = batches(lengths, 200, random.Random(1))
    assert sorted(index for batch in found for index in batch) == list(range(1500))
    assert max(max(lengths[index] for index in batch) * len(batch) for batch in found) <= 200
    assert found == batches(lengths, 200, random.Random(1)) != batches(lengths, 200, random.Random(2))
