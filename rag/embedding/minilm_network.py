"""The forward pass of the packaged all-MiniLM-L6-v2, a BERT (Devlin et al., NAACL 2019), from its files with torch.

``transformers`` computes the same, but importing its BERT takes twice the time of importing torch, and importing
``sentence_transformers`` takes more. A command that encodes one question and the passages near it would spend most of
its time on that. Chunks, queries, words and the reranker, which has other weights, all run through this network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rag._internal.processor import ChunkPrecision
from rag.embedding.minilm import load_tokenizer, minilm_directory

if TYPE_CHECKING:
    from torch import Tensor

    Layer = tuple[Tensor, Tensor]
    """Weight (outputs × inputs) and bias."""

    Linear = Callable[[Tensor], Tensor]
    """Maps (…, inputs) to (…, outputs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _TransformerLayer:
    """The weights of one layer. Linear layers have the precision of the network, norms are in fp32."""

    projections: tuple[Linear, ...]
    """Query, key and value: three layers in fp32; one of 1152 × 384 in bf16 and int8, which takes less time.

    One product of that size in fp32 depends on the other rows of a batch in its last bits.
    """
    attention_output: Linear
    attention_norm: Layer
    wide: Linear
    narrow: Linear
    output_norm: Layer


class MiniLMNetwork:
    """The network with its weights.

    In bf16 the linear layers and the attention are computed in bfloat16, which takes most of the time; the sums of the
    layers and their norms stay in fp32. Other texts of a batch then change a vector by rounding.

    Args:
        weights: the tensors by their names in the published ``model.safetensors``, in any floating type.
        heads: the attention heads of a layer.
        layers: the number of layers.
        epsilon: the constant of the layer norms.
        precision: of the linear layers and of the attention; for int8 see :mod:`rag.embedding.minilm_int8`.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        *,
        heads: int,
        layers: int,
        epsilon: float,
        precision: ChunkPrecision = "fp32",
    ) -> None:
        import torch

        self.precision: ChunkPrecision = precision
        self._heads = heads
        self._epsilon = epsilon
        self._type = torch.bfloat16 if precision == "bf16" else torch.float32
        self._begin, self._end = (load_tokenizer().token_to_id(token) for token in ("[CLS]", "[SEP]"))
        words, types, positions = (
            weights[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "token_type", "position")
        )
        self._words, self._types, self._positions = words, types.float(), positions.float()
        self._embedding_norm = _norm_of(weights, "embeddings.LayerNorm")
        self._layers = [self._layer(weights, f"encoder.layer.{layer}") for layer in range(layers)]

    @classmethod
    def load(cls, precision: ChunkPrecision = "fp32") -> Self:
        """Load the packaged model. The embeddings of words are mapped into memory and read where they are used.

        Raises:
            UsageError: the packaged model is not installed.
        """
        from safetensors.torch import load_file

        directory = minilm_directory()
        return cls.of(load_file(directory / "model.safetensors"), directory, precision=precision)

    @classmethod
    def of(
        cls, weights: Mapping[str, Tensor], directory: Path, *, layers: int | None = None, precision: ChunkPrecision
    ) -> Self:
        """Return the network with ``weights`` and the shape that the ``config.json`` in ``directory`` gives.

        Args:
            layers: the layers that ``weights`` has, by default those of the configuration.
        """
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        return cls(
            weights,
            heads=config["num_attention_heads"],
            layers=layers or config["num_hidden_layers"],
            epsilon=config["layer_norm_eps"],
            precision=precision,
        )

    def hidden_states(self, rows: Sequence[Sequence[int]], width: int) -> list[Tensor]:
        """Return the states of the embeddings and after each layer (float32, rows × width × 384).

        Args:
            rows: token ids without special tokens, which are added: a row's tokens begin at position 1.
            width: the tokens to which each row is padded, special tokens included.
        """
        import torch

        ids = torch.zeros((len(rows), width), dtype=torch.long)  # 0 is [PAD]
        mask = torch.zeros((len(rows), width), dtype=torch.bool)
        for r, row in enumerate(rows):
            ids[r, : len(row) + 2] = torch.tensor([self._begin, *row, self._end])
            mask[r, : len(row) + 2] = True
        return self.states(ids, mask)

    def states(self, ids: Tensor, mask: Tensor, types: Tensor | None = None) -> list[Tensor]:
        """Return the states of the embeddings and after each layer (float32, rows × width × 384).

        Args:
            ids: rows × width token ids, special tokens included.
            mask: rows × width, False or 0 where it is padding.
            types: rows × width, 1 for the tokens of a second text; by default there is none.
        """
        import torch

        with torch.inference_mode():
            kinds = self._types[0] if types is None else self._types[types]
            embedded = self._words[ids].float() + kinds + self._positions[: ids.shape[1]]
            states = [self._norm(self._embedding_norm, embedded)]
            attended = mask.bool()[:, None, None]
            for layer in self._layers:
                states.append(self._apply(layer, states[-1], attended))
        return states

    def _apply(self, layer: _TransformerLayer, states: Tensor, mask: Tensor) -> Tensor:
        from torch.nn import functional

        rows, width, size = states.shape
        projected = [part(states) for part in layer.projections]
        parts = projected if len(projected) > 1 else projected[0].chunk(3, dim=-1)
        query, key, value = (part.unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in parts)
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        context = context.transpose(1, 2).reshape(rows, width, size)
        states = self._norm(layer.attention_norm, states + layer.attention_output(context))
        inner = functional.gelu(layer.wide(states))
        return self._norm(layer.output_norm, states + layer.narrow(inner))

    def _layer(self, weights: Mapping[str, Tensor], name: str) -> _TransformerLayer:
        import torch

        def linear(*names: str) -> Linear:
            weight, bias = (
                torch.cat([weights[f"{name}.{each}.{kind}"] for each in names]) for kind in ("weight", "bias")
            )
            return self._linear(f"{name}.{names[0]}", weight, bias)

        parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
        return _TransformerLayer(
            projections=tuple(map(linear, parts)) if self.precision == "fp32" else (linear(*parts),),
            attention_output=linear("attention.output.dense"),
            attention_norm=_norm_of(weights, f"{name}.attention.output.LayerNorm"),
            wide=linear("intermediate.dense"),
            narrow=linear("output.dense"),
            output_norm=_norm_of(weights, f"{name}.output.LayerNorm"),
        )

    def _linear(self, name: str, weight: Tensor, bias: Tensor) -> Linear:
        """Return a linear layer in the precision of the network.

        Args:
            name: that of its weight, or of the first one where several layers are joined.
        """
        from torch.nn import functional

        weight, bias = weight.to(self._type), bias.to(self._type)
        return lambda states: functional.linear(states.to(self._type), weight, bias)

    def _norm(self, layer: Layer, states: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.layer_norm(states, layer[0].shape, *layer, self._epsilon)


def _norm_of(weights: Mapping[str, Tensor], name: str) -> Layer:
    return weights[f"{name}.weight"].float(), weights[f"{name}.bias"].float()
