"""Turn examples into packs of token ids: long evidence is cut to a window, many claims are spread over packs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rag._internal.length_batches import length_batches

from .examples import Example, ExampleClaim

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from torch import Tensor

    from rag.verify.support.network import Batch, Pack

CHUNK = 600
"""Packs that are sorted by length together; sorting all would give batches of one kind of text only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPack:
    """A pack, and for each of its claims the label, whether its twin follows, and the tokens' labels.

    The label of a token is 1 where the evidence does not support its word; they are None for claims of which that is
    not known.
    """

    pack: Pack
    labels: tuple[float, ...]
    has_twin: tuple[bool, ...]
    token_labels: tuple[tuple[int, ...] | None, ...]


class TrainingBatch(NamedTuple):
    """Packs as tensors: B sequences of L tokens with C claims, P of which have a twin."""

    batch: Batch
    labels: Tensor
    """C labels, 1 or 0."""
    twins: Tensor
    """P × 2: the places of a claim and of its twin among the C claims."""
    token_labels: Tensor
    """B × L labels, 1 or 0, and -1 where there is none."""


def load_tokenizer(base: Path) -> Tokenizer:
    """Return the tokenizer of the base model in the directory ``base``, without truncation and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Packer:
    """Tokenises examples and packs them.

    Args:
        tokenizer: see :func:`load_tokenizer`.
        max_evidence: tokens of the evidence that are kept.
        max_claim: tokens of each claim that are kept.
        max_total: tokens of a pack, special tokens included, beyond which it is split. A claim and its twin stay in
            one pack, which may then be longer.
    """

    tokenizer: Tokenizer
    max_evidence: int = 320
    max_claim: int = 96
    max_total: int = 500

    def pack(self, examples: Sequence[Example]) -> list[TrainingPack]:
        """Return the packs of ``examples`` in order."""
        return [pack for packs in self.pack_each(examples) for pack in packs]

    def pack_each(self, examples: Sequence[Example]) -> list[list[TrainingPack]]:
        """Return the packs of each example; one after another they hold its claims in order."""
        evidence = self._encode([example.evidence for example in examples])
        claims = iter(self._encode([claim.text for example in examples for claim in example.claims]))
        return [
            self._split(tokens.ids, [(claim, next(claims)) for claim in example.claims])
            for example, tokens in zip(examples, evidence, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        return self.tokenizer.encode_batch(list(texts), add_special_tokens=False)

    def _split(self, evidence: list[int], claims: Sequence[tuple[ExampleClaim, Encoding]]) -> list[TrainingPack]:
        window = best_window(evidence, [tokens.ids[: self.max_claim] for _, tokens in claims], self.max_evidence)
        packs: list[TrainingPack] = []
        part: list[tuple[ExampleClaim, Encoding]] = []
        length = len(window) + 2
        for claim, tokens in claims:
            size = min(len(tokens.ids), self.max_claim) + 2
            is_twin = bool(part) and part[-1][0].has_twin
            if part and length + size > self.max_total and not is_twin:
                packs.append(self._one(window, part))
                part, length = [], len(window) + 2
            part.append((claim, tokens))
            length += size
        return [*packs, self._one(window, part)]

    def _one(self, evidence: list[int], claims: Sequence[tuple[ExampleClaim, Encoding]]) -> TrainingPack:
        from rag.verify.support.network import Pack

        return TrainingPack(
            pack=Pack(evidence, [tokens.ids[: self.max_claim] for _, tokens in claims]),
            labels=tuple(float(claim.supported) for claim, _ in claims),
            has_twin=tuple(claim.has_twin for claim, _ in claims),
            token_labels=tuple(_token_labels(claim, tokens, self.max_claim) for claim, tokens in claims),
        )


def _token_labels(claim: ExampleClaim, tokens: Encoding, limit: int) -> tuple[int, ...] | None:
    if claim.unsupported is None:
        return None
    return tuple(
        int(any(start < span_end and end > span_start for span_start, span_end in claim.unsupported))
        for start, end in tokens.offsets[:limit]
    )


def best_window(evidence: list[int], claims: Sequence[Sequence[int]], size: int) -> list[int]:
    """Return the ``size`` tokens of ``evidence`` in a row of which most also occur in ``claims``; the first such."""
    if len(evidence) <= size:
        return evidence
    wanted = {token for claim in claims for token in claim}
    counts = [0, *accumulate(token in wanted for token in evidence)]
    start = max(range(len(evidence) - size + 1), key=lambda at: counts[at + size] - counts[at])
    return evidence[start : start + size]


def batches(lengths: Sequence[int], tokens: int, rng: random.Random) -> list[list[int]]:
    """Return the indices of packs in batches of similar length, in the order of ``rng``.

    Args:
        lengths: the length of each pack.
        tokens: tokens of a batch at the most, padding included; a longer pack is a batch of its own.
        rng: shuffles the packs before they are sorted, and the batches after it.
    """
    order = rng.sample(range(len(lengths)), len(lengths))
    found = [
        batch for at in range(0, len(order), CHUNK) for batch in length_batches(lengths, tokens, order[at : at + CHUNK])
    ]
    rng.shuffle(found)
    return found


def collate_training(packs: Sequence[TrainingPack]) -> TrainingBatch:
    """Return ``packs`` and their labels as tensors."""
    import torch

    from rag.verify.support.network import collate

    batch = collate([pack.pack for pack in packs])
    labels = [label for pack in packs for label in pack.labels]
    has_twin = [flag for pack in packs for flag in pack.has_twin]
    tokens = torch.full(batch.ids.shape, -1.0)
    of_claims = [each for pack in packs for each in pack.token_labels]
    for row, start, marks in zip(batch.rows.tolist(), batch.starts.tolist(), of_claims, strict=True):
        if marks is not None:
            tokens[row, start + 1 : start + 1 + len(marks)] = torch.tensor(marks, dtype=torch.float)
    twins = [[place, place + 1] for place, flag in enumerate(has_twin) if flag]
    return TrainingBatch(batch, torch.tensor(labels), torch.tensor(twins, dtype=torch.long).reshape(-1, 2), tokens)
