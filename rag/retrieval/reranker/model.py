"""How relevant is a passage to a question? The packaged cross-encoder, which reads both in one input.

It is all-MiniLM-L6-v2, trained on questions and passages by ``eval/training/reranker``; what ships is the difference
to the packaged encoder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag._internal.processor import Precision, best_precision
from rag.embedding import minilm_directory
from rag.embedding.batching import Batcher
from rag.embedding.minilm import MINILM_SHA256
from rag.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.retrieval.reranker.network import RerankNetwork

RERANK_WEIGHTS = Path(__file__).parent / "weights"

RERANK_BATCH_TOKENS = 2048
"""Tokens of a batch, padding included."""

CACHED_LOG_ODDS = 16_384
"""Pairs of question and passage whose log-odds are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankConfig:
    """What ``config.json`` says of the model."""

    name: str
    base_sha256: str
    layers: int | None
    """Layers of the base that are kept; None for all."""
    max_question_tokens: int
    max_passage_tokens: int
    scale: float
    shift: float
    """Log-odds of relevance are ``scale * logit + shift`` (Platt scaling)."""
    score_weight: float
    """Weight of a hit's merged score against the log-odds: see :func:`.ranking.combined_scores`."""

    @classmethod
    def read(cls, directory: Path) -> RerankConfig:
        """Return the configuration in ``directory``.

        Raises:
            ModelError: there is none, or it lacks a field.
        """
        path = directory / "config.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: found[name] for name in cls.__dataclass_fields__})
        except (OSError, ValueError, KeyError) as error:
            why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ModelError(f"{path}: no configuration of a reranker: {why}") from error


class RerankModel:
    """The cross-encoder. Any thread may call it: pairs of several threads are scored in common batches."""

    def __init__(self, network: RerankNetwork, tokenizer: Tokenizer, config: RerankConfig) -> None:
        from rag.retrieval.reranker.pairs import PairFormat

        self.config = config
        self._network = network
        self._tokenizer = tokenizer
        self._format = PairFormat.of(tokenizer)
        self._scored: Batcher[tuple[str, str], float] = Batcher(self._score, cache_size=CACHED_LOG_ODDS)

    @classmethod
    def load(
        cls, directory: Path = RERANK_WEIGHTS, *, base: Path | None = None, precision: Precision | None = None
    ) -> RerankModel:
        """Load the model from ``directory``, which has ``config.json`` and ``difference.safetensors``.

        Args:
            directory: the packaged model's by default.
            base: directory of the base model, the packaged encoder's by default.
            precision: by default the fastest one of this processor.

        Raises:
            ModelError: a file is missing, or the model was trained from another base than the packaged encoder.
            UsageError: the packaged encoder is not installed.
        """
        from rag.retrieval.reranker.pairs import load_pair_tokenizer

        config = RerankConfig.read(directory)
        if base is None:
            if config.base_sha256 != MINILM_SHA256:
                raise ModelError(f"{directory}: the difference is to a base with SHA-256 {config.base_sha256}")
            base = minilm_directory()
        precision = precision or best_precision()
        state = _merged_state(directory / "difference.safetensors", base, config.layers)
        return cls(_network(state, base, config.layers, precision), load_pair_tokenizer(base), config)

    def log_odds(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return for each passage the calibrated log-odds that it is relevant to ``question``.

        Args:
            question: its first tokens are read.
            passages: each with its title and headings in a line above it, as :func:`rag.ingest.embedding_text` gives.
        """
        return self._scored([(question, passage) for passage in passages])

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        import torch

        from rag.retrieval.reranker.network import pair_logits
        from rag.retrieval.reranker.pairs import token_ids

        questions = list(dict.fromkeys(question for question, _ in pairs))
        encoded = dict(
            zip(questions, token_ids(self._tokenizer, questions, self.config.max_question_tokens), strict=True)
        )
        passages = token_ids(self._tokenizer, [passage for _, passage in pairs], self.config.max_passage_tokens)
        tokens = [(encoded[question], passage) for (question, _), passage in zip(pairs, passages, strict=True)]
        with torch.inference_mode():
            logits = pair_logits(self._network, self._format, tokens, RERANK_BATCH_TOKENS)
            return (self.config.scale * logits + self.config.shift).tolist()


def _merged_state(difference: Path, base: Path, layers: int | None) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from rag._internal.difference import merged
    from rag.retrieval.reranker.network import base_state

    try:
        return merged(base_state(base, layers), load_file(difference))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{difference} cannot be read: {error}") from error


def _network(state: dict[str, Any], base: Path, layers: int | None, precision: Precision) -> RerankNetwork:
    """Return the network with the parameters ``state``; one of BERT runs without ``transformers``."""
    from rag.retrieval.reranker.network import RerankNetwork, base_config

    if json.loads((base / "config.json").read_text(encoding="utf-8")).get("model_type") == "bert":
        from rag.retrieval.reranker.packaged_encoder import packaged_network

        return packaged_network(state, base, layers, precision)
    if precision == "fp32":
        state = {name: value.float() for name, value in state.items()}
    return RerankNetwork.from_state(base_config(base, layers), state)


@lru_cache(maxsize=1)
def load_rerank_model() -> RerankModel:
    """Return the packaged model, loaded once.

    Raises:
        ModelError: see :meth:`RerankModel.load`.
    """
    return RerankModel.load()
