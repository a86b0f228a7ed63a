"""Read the network that the answer score starts from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rag.verify.support.merged import TOKENIZER, with_difference

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.verify.support.network import SupportNetwork


def load_merged_network(merged: Path, difference: Path | None = None) -> tuple[SupportNetwork, Tokenizer]:
    """Return the network in bfloat16 and the tokenizer of a merged file, plus the ``difference`` of another model."""
    from safetensors import safe_open
    from tokenizers import Tokenizer

    from rag.verify.support.network import SupportNetwork

    with safe_open(merged, framework="pt") as file:
        state = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  # not a mapping
        tokenizer = Tokenizer.from_str(file.metadata()[TOKENIZER])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return SupportNetwork.from_state(with_difference(state, difference) if difference else state), tokenizer
