"""The packaged model's weights out of its GGUF file, in bfloat16, and its tokeniser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

TOKENS_FILE = "tokenizer.json"
_ARCHITECTURE = "qwen2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a Qwen2 network, as its GGUF file tells them."""

    layers: int
    width: int
    heads: int
    key_heads: int
    rope_base: float
    epsilon: float

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


def read_shape(path: Path) -> Shape:
    """Return the sizes of the network in the GGUF file ``path``.

    Raises:
        ValueError: its architecture is not Qwen2.
    """
    from gguf import GGUFReader

    fields = GGUFReader(path).fields

    def value(key: str) -> Any:
        return fields[key].contents()

    if (architecture := value("general.architecture")) != _ARCHITECTURE:
        raise ValueError(f"{path} has the architecture {architecture}, not {_ARCHITECTURE}")
    return Shape(
        layers=value(f"{_ARCHITECTURE}.block_count"),
        width=value(f"{_ARCHITECTURE}.embedding_length"),
        heads=value(f"{_ARCHITECTURE}.attention.head_count"),
        key_heads=value(f"{_ARCHITECTURE}.attention.head_count_kv"),
        rope_base=value(f"{_ARCHITECTURE}.rope.freq_base"),
        epsilon=value(f"{_ARCHITECTURE}.attention.layer_norm_rms_epsilon"),
    )


def read_weights(path: Path, cached: Path) -> dict[str, Tensor]:
    """Return the tensors of the GGUF file ``path`` by their names in it, dequantised to bfloat16.

    ``cached`` is a safetensors file that keeps them for the next run; dequantising takes a minute or two.
    """
    import torch
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.torch import load_file, save_file

    if not cached.exists():
        found = {
            tensor.name: torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).to(torch.bfloat16)
            for tensor in GGUFReader(path).tensors
        }
        partial = cached.with_name(f"{cached.name}.part")
        save_file(found, partial)
        partial.replace(cached)
    return load_file(cached)


def read_tokeniser(path: Path, directory: Path) -> Any:
    """Return the tokeniser of the GGUF file ``path`` as ``tokenizers.Tokenizer``; ``directory`` keeps it."""
    from tokenizers import Tokenizer

    kept = directory / TOKENS_FILE
    if not kept.exists():
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name).save_pretrained(directory)
    return Tokenizer.from_file(str(kept))
