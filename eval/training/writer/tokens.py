"""Examples as token ids, in the chat format that llama.cpp's server gives the model, and batches of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .examples import Example, Kind
from .network import Packed

if TYPE_CHECKING:
    from torch import Tensor

END = "<|im_end|>"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExample:
    """An example whose tokens follow on those of the system prompt; from ``reply_start`` on they are the reply."""

    id: str
    kind: Kind
    prefix: tuple[int, ...]
    tokens: tuple[int, ...]
    reply_start: int

    @property
    def digest(self) -> str:
        """Key of what is computed from its tokens alone."""
        return hashlib.sha256(repr((self.prefix, self.tokens)).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Examples with the same prefix, packed into one sequence.

    ``predicting`` are the rows behind which a token of a reply follows, and ``targets`` these tokens.
    """

    tokens: Tensor
    packed: Packed
    predicting: Tensor
    targets: Tensor


def chat_parts(system: str, user: str) -> tuple[str, str]:
    """Return the prompt in the model's chat format in two parts; examples of a kind share the first."""
    return f"<|im_start|>system\n{system}{END}\n<|im_start|>user\n", f"{user}{END}\n<|im_start|>assistant\n"


def encode(example: Example, tokeniser: Any) -> TokenExample:
    """Return ``example`` as token ids. The reply ends with the token that ends a turn."""
    opening, rest = chat_parts(example.system, example.user)
    prefix, prompt, reply = (_ids(tokeniser, text) for text in (opening, rest, example.reply + END))
    return TokenExample(id=example.id, kind=example.kind, prefix=prefix, tokens=prompt + reply, reply_start=len(prompt))


def pack(examples: Sequence[TokenExample]) -> Batch:
    """Return the batch of ``examples``.

    Raises:
        ValueError: they have different prefixes.
    """
    import torch

    prefix = examples[0].prefix
    if any(example.prefix != prefix for example in examples):
        raise ValueError("the examples of a batch have one system prompt")
    tokens = list(prefix)
    predicting: list[int] = []
    targets: list[int] = []
    for example in examples:
        reply = range(example.reply_start, len(example.tokens))
        predicting.extend(len(tokens) + place - 1 for place in reply)
        targets.extend(example.tokens[place] for place in reply)
        tokens.extend(example.tokens)
    lengths = (len(prefix), *(len(example.tokens) for example in examples))
    return Batch(
        tokens=torch.tensor(tokens),
        packed=Packed(lengths=lengths),
        predicting=torch.tensor(predicting),
        targets=torch.tensor(targets),
    )


def _ids(tokeniser: Any, text: str) -> tuple[int, ...]:
    return tuple(tokeniser.encode(text, add_special_tokens=False).ids)
