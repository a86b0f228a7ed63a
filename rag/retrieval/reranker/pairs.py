"""Question and passage as one sequence of token ids: ``[CLS] question [SEP] passage [SEP]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

TokenPair = tuple[Sequence[int], Sequence[int]]
"""The token ids of a question and of a passage, without special tokens."""


class PairBatch(NamedTuple):
    """Pairs as tensors: B sequences of L tokens."""

    ids: Tensor
    """B × L token ids."""
    types: Tensor
    """B × L: 1 for the tokens of the passage, 0 for those of the question."""
    mask: Tensor
    """B × L: 1, and 0 where it is padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFormat:
    """The special tokens around question and passage."""

    opening: tuple[int, ...]
    middle: tuple[int, ...]
    closing: tuple[int, ...]
    padding: int

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> PairFormat:
        """Return the format in which ``tokenizer`` encodes pairs."""
        empty = tokenizer.encode("", "")
        padding = next(
            (id_ for name in ("[PAD]", "<pad>") if (id_ := tokenizer.token_to_id(name)) is not None), empty.ids[-1]
        )
        return cls(
            opening=tuple(empty.ids[:1]),
            middle=tuple(empty.ids[1:-1]),
            closing=tuple(empty.ids[-1:]),
            padding=padding,
        )

    def length(self, pair: TokenPair) -> int:
        """Return the count of tokens of a pair, special tokens included."""
        return len(pair[0]) + len(pair[1]) + len(self.opening) + len(self.middle) + len(self.closing)

    def collate(self, pairs: Sequence[TokenPair]) -> PairBatch:
        """Return ``pairs`` as one batch, padded to the longest."""
        import torch

        shape = (len(pairs), max(self.length(pair) for pair in pairs))
        ids = torch.full(shape, self.padding)
        types = torch.zeros(shape, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        for row, (question, passage) in enumerate(pairs):
            start = len(self.opening) + len(question) + len(self.middle)
            sequence = [*self.opening, *question, *self.middle, *passage, *self.closing]
            ids[row, : len(sequence)] = torch.tensor(sequence)
            types[row, start : len(sequence)] = 1
            mask[row, : len(sequence)] = 1
        return PairBatch(ids, types, mask)


def load_pair_tokenizer(base: Path) -> Tokenizer:
    """Return the tokenizer of the base model in the directory ``base``, without truncation and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def token_ids(tokenizer: Tokenizer, texts: Sequence[str], limit: int) -> list[list[int]]:
    """Return the first ``limit`` token ids of each text, without special tokens."""
    found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [encoding.ids[:limit] for encoding in found]
