"""The network of the reranker: an encoder that reads question and passage in one input, and a head for relevance.

A cross-encoder (Nogueira & Cho, 2019, "Passage Re-ranking with BERT"). The encoder is any of ``transformers`` that is
based on BERT or MPNet. The head reads the output for the first token, and compares that for the question with that for
the passage, as a whole and word by word (ColBERT; Khattab & Zaharia, SIGIR 2020). These comparisons order passages
before any training, which is then short: the base was trained for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rag._internal.length_batches import length_batches

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from rag.retrieval.reranker.pairs import PairBatch, PairFormat, TokenPair

ENCODER = "encoder."
"""Prefix of the encoder's parameters among those of the network."""

SIMILARITY_WEIGHTS, SIMILARITY_BIAS = (0.0, 20.0), -16.0
"""Weights of the cosines before training. In one input that of the means is high for any passage, so it starts at 0."""

_NOT_IN_NETWORK = ("pooler.", "embeddings.position_ids")


class RerankNetwork(nn.Module):
    """An encoder with a head for one logit: how relevant is the passage to the question."""

    def __init__(self, encoder: Any) -> None:
        """Take a model of ``transformers`` without its pooler; the head is new."""
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self._has_types = bool(getattr(encoder.config, "type_vocab_size", 0))
        self.dense = nn.Linear(width, width)
        self.relevance = nn.Linear(width, 1)
        self.importance = nn.Linear(width, 1)
        self.similarity = nn.Linear(2, 1)
        for head in (self.dense, self.relevance):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        for parameter in self.importance.parameters():
            nn.init.zeros_(parameter)
        with torch.no_grad():
            self.similarity.weight.copy_(torch.tensor([SIMILARITY_WEIGHTS]))
        nn.init.constant_(self.similarity.bias, SIMILARITY_BIAS)

    @classmethod
    def from_state(cls, config: PretrainedConfig, state: Mapping[str, Tensor]) -> RerankNetwork:
        """Return the network with the parameters ``state``, which are not copied."""
        from transformers import AutoModel

        with torch.device("meta"):  # no memory is filled with random numbers
            network = cls(AutoModel.from_config(config, add_pooling_layer=False))
        network.load_state_dict(state, assign=True)
        return network.eval()

    def forward(self, batch: PairBatch) -> Tensor:
        """Return B logits in float32."""
        inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
        if self._has_types:  # positions are given because the encoder's own buffer has no memory after from_state
            positions = torch.arange(batch.ids.shape[1], device=batch.ids.device)[None]
            inputs |= {"token_type_ids": batch.types, "position_ids": positions}
        hidden = self.encoder(**inputs).last_hidden_state
        first: Tensor = self.relevance(torch.tanh(self.dense(hidden[:, 0])))
        cosines = self._similarities(hidden.float(), batch)
        weight, bias = self.similarity.weight.float(), self.similarity.bias.float()
        return first[:, 0].float() + nn.functional.linear(cosines, weight, bias)[:, 0]

    def _similarities(self, hidden: Tensor, batch: PairBatch) -> Tensor:
        """Return B × 2 cosines in float32.

        One is of the means of question and passage. The other is of each word with its nearest one in the passage; it
        is a mean over the words of the question, weighted by their importance.
        """
        in_passage = batch.types.bool()
        in_question = batch.mask.bool() & ~in_passage
        means = [
            nn.functional.normalize((hidden * part[..., None]).sum(1), dim=-1) for part in (in_question, in_passage)
        ]
        words = nn.functional.normalize(hidden, dim=-1)
        length = int(in_question.sum(1).max())  # the question comes first
        cosines = words[:, :length] @ words.transpose(1, 2)
        nearest = cosines.masked_fill(~in_passage[:, None], -1.0).amax(2)
        importance = nn.functional.linear(
            hidden[:, :length], self.importance.weight.float(), self.importance.bias.float()
        )[..., 0].masked_fill(~in_question[:, :length], -torch.inf)
        return torch.stack([(means[0] * means[1]).sum(1), (importance.softmax(1) * nearest).sum(1)], 1)


def pair_logits(network: RerankNetwork, form: PairFormat, pairs: Sequence[TokenPair], tokens: int) -> Tensor:
    """Return the logits of ``pairs``, in order, from batches of similar length of at most ``tokens`` tokens.

    Gradients flow through it unless the caller prevents that.
    """
    device = next(network.parameters()).device
    logits: list[Tensor] = []
    order: list[int] = []
    for numbers in length_batches([form.length(pair) for pair in pairs], tokens):
        batch = form.collate([pairs[number] for number in numbers])
        logits.append(network(type(batch)(*(part.to(device) for part in batch))))
        order += numbers
    places = torch.empty(len(order), dtype=torch.long, device=device)
    places[torch.tensor(order, device=device)] = torch.arange(len(order), device=device)
    return torch.cat(logits)[places]


def base_state(directory: Path, layers: int | None = None) -> dict[str, Tensor]:
    """Return the parameters of the base model in ``directory`` by their names in the network.

    ``layers`` keeps the first layers only.
    """
    from safetensors import safe_open

    def is_kept(name: str) -> bool:
        part = name.removeprefix("encoder.layer.").split(".", 1)[0]
        beyond = layers is not None and name.startswith("encoder.layer.") and int(part) >= layers
        return not beyond and not name.startswith(_NOT_IN_NETWORK)

    with safe_open(directory / "model.safetensors", framework="pt") as file:
        return {ENCODER + name: file.get_tensor(name) for name in file.keys() if is_kept(name)}  # noqa: SIM118


def base_config(directory: Path, layers: int | None = None) -> PretrainedConfig:
    """Return the configuration of the base model in ``directory``, without dropout; see :func:`base_state`."""
    from transformers import AutoConfig

    changes: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    if layers is not None:
        changes["num_hidden_layers"] = layers
    config: PretrainedConfig = AutoConfig.from_pretrained(directory, **changes)
    return config
