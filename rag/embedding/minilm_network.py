"""The forward pass of the packaged all-MiniLM-L6-v2, a BERT (Devlin et al., NAACL 2019), from its files with torch.

``transformers`` computes the same, but importing its BERT takes twice the time of importing torch, and importing
``sentence_transformers`` takes more. A command that encodes one question and the passages near it would spend most of
its time on that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rag.embedding.minilm import load_tokenizer, minilm_directory

if TYPE_CHECKING:
    from torch import Tensor


class MiniLMNetwork:
    """The network with its weights.

    Args:
        weights: the tensors by their names in the published ``model.safetensors``.
        heads: the attention heads of a layer.
        layers: the number of layers.
        epsilon: the constant of the layer norms.
    """

    def __init__(self, weights: Mapping[str, Tensor], *, heads: int, layers: int, epsilon: float) -> None:
        self._weights = weights
        self._heads = heads
        self._layers = layers
        self._epsilon = epsilon
        self._begin, self._end = (load_tokenizer().token_to_id(token) for token in ("[CLS]", "[SEP]"))

    @classmethod
    def load(cls) -> MiniLMNetwork:
        """Load the packaged model. Its weights are mapped into memory and read where they are used.

        Raises:
            UsageError: the packaged model is not installed.
        """
        from safetensors.torch import load_file

        directory = minilm_directory()
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        return cls(
            load_file(directory / "model.safetensors"),
            heads=config["num_attention_heads"],
            layers=config["num_hidden_layers"],
            epsilon=config["layer_norm_eps"],
        )

    def hidden_states(self, rows: Sequence[Sequence[int]], width: int) -> list[Tensor]:
        """Return the states of the embeddings and after each layer (float32, rows × width × 384).

        Args:
            rows: token ids without special tokens, which are added: a row's tokens begin at position 1.
            width: the tokens to which each row is padded, special tokens included.
        """
        import torch

        ids = torch.zeros((len(rows), width), dtype=torch.long)  # 0 is [PAD]
        mask = torch.zeros((len(rows), 1, 1, width), dtype=torch.bool)
        for r, row in enumerate(rows):
            ids[r, : len(row) + 2] = torch.tensor([self._begin, *row, self._end])
            mask[r, ..., : len(row) + 2] = True
        with torch.inference_mode():
            states = [self._embed(ids)]
            for layer in range(self._layers):
                states.append(self._apply_layer(f"encoder.layer.{layer}", states[-1], mask))
        return states

    def _embed(self, ids: Tensor) -> Tensor:
        tables = [self._weights[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "token_type", "position")]
        words, types, positions = tables
        return self._norm("embeddings.LayerNorm", words[ids] + types[0] + positions[: ids.shape[1]])

    def _apply_layer(self, layer: str, states: Tensor, mask: Tensor) -> Tensor:
        from torch.nn import functional

        query, key, value = (
            self._linear(f"{layer}.attention.self.{part}", states)
            .view(*states.shape[:2], self._heads, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        context = context.transpose(1, 2).reshape(states.shape)
        states = self._norm(
            f"{layer}.attention.output.LayerNorm", self._linear(f"{layer}.attention.output.dense", context) + states
        )
        inner = functional.gelu(self._linear(f"{layer}.intermediate.dense", states))
        return self._norm(f"{layer}.output.LayerNorm", self._linear(f"{layer}.output.dense", inner) + states)

    def _linear(self, name: str, states: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.linear(states, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, name: str, states: Tensor) -> Tensor:
        from torch.nn import functional

        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(states, weight.shape, weight, bias, self._epsilon)
