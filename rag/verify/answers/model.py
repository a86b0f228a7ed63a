"""Does a passage answer a question? A cross-encoder that reads the passage once for all questions on it.

It is the verifier before the packaged one, of which the upper layers and the head were trained anew on
questions with passages that answer them, answer a part of them, or only share their subject
(``eval/training/answers``). What ships is the difference to its weights, which the models have in common.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag._internal.length_batches import length_batches
from rag._internal.processor import Precision, best_precision
from rag.embedding.batching import Batcher
from rag.verify.support.merged import load_packaged, read_config
from rag.verify.support.precision import support_network_in

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from rag._internal.cached_file import OnBytes
    from rag.config import Settings
    from rag.verify.support.network import SupportNetwork

ANSWER_WEIGHTS = Path(__file__).parent / "weights"
"""The model of whole passages."""

SENTENCE_WEIGHTS = Path(__file__).parent / "sentence_weights"
"""The model of single sentences, which was trained on passages, too. In the place of the other one its decisions on
whole collections were less right (``eval/training/answers/README.md``), so that both ship."""

ANSWER_BATCH_TOKENS = 2048
"""Tokens of a batch, padding included."""

CACHED_SCORES = 16_384
"""Pairs of passage and question whose score is kept."""

STANDALONE_QUESTION = "Can this be understood on its own?"
"""Asked of a sentence under its title, in the place of a question: the model was trained on labels for it, too."""

AnswerPair = tuple[str, str]
"""A passage and a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerConfig:
    """What ``config.json`` says of the model. Thresholds are calibrated probabilities."""

    name: str
    base_difference_sha256: str
    """Of the difference that the common weights were made with: this model is a difference to these."""
    max_passage_tokens: int
    max_question_tokens: int
    scale: float
    shift: float
    """Log-odds that a passage answers are ``scale * logit + shift`` (Platt scaling)."""

    @classmethod
    def read(cls, directory: Path) -> AnswerConfig:
        """Return the configuration in ``directory``.

        Raises:
            ModelError: see :func:`rag.verify.support.merged.read_config`.
        """
        return read_config(
            directory, lambda found: cls(**{name: found[name] for name in cls.__dataclass_fields__}), "an answer model"
        )


class AnswerModel:
    """The cross-encoder. Any thread may call it: pairs of several threads are scored in common batches."""

    def __init__(self, network: SupportNetwork, tokenizer: Tokenizer, config: AnswerConfig) -> None:
        self.config = config
        self._network = network
        self._tokenizer = tokenizer
        self._scored: Batcher[AnswerPair, float] = Batcher(self._score, cache_size=CACHED_SCORES)

    @classmethod
    def load(
        cls,
        settings: Settings,
        on_bytes: OnBytes = lambda _, __: None,
        *,
        directory: Path = ANSWER_WEIGHTS,
        precision: Precision | None = None,
    ) -> AnswerModel:
        """Load the packaged model, or another one from ``directory``; opens no connection.

        Args:
            settings: where the cache is, into which the common weights are merged at the first time.
            on_bytes: called meanwhile.
            directory: has ``config.json`` and ``difference.safetensors``.
            precision: by default the fastest one of this processor.

        Raises:
            ModelError: see :func:`rag.verify.support.merged.load_packaged` and :meth:`AnswerConfig.read`.
        """
        config = AnswerConfig.read(directory)
        state, tokenizer = load_packaged(directory, settings, on_bytes)
        return cls(support_network_in(state, precision or best_precision()), tokenizer, config)

    def probabilities(self, questions: Sequence[str], passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the calibrated probability that a passage answers a question (questions × passages).

        Args:
            questions: a question and its parts, for example; a passage is read once for all of them.
            passages: each with its title and headings in a line above it, as :func:`answer_text` gives.
        """
        found = self._scored([(passage, question) for question in questions for passage in passages])
        return np.array(found, dtype=np.float32).reshape(len(questions), len(passages))

    def _score(self, pairs: list[AnswerPair]) -> list[float]:
        import torch

        from rag.verify.support.network import Pack, collate

        by_passage: defaultdict[str, list[int]] = defaultdict(list)
        for at, (passage, _) in enumerate(pairs):
            by_passage[passage].append(at)
        limits = self.config
        passages = self._ids(list(by_passage), limits.max_passage_tokens)
        questions = self._ids([question for _, question in pairs], limits.max_question_tokens)
        numbers = list(by_passage.values())
        packs = [Pack(ids, [questions[at] for at in of]) for ids, of in zip(passages, numbers, strict=True)]
        scores = [0.0] * len(pairs)
        for batch in length_batches([pack.length for pack in packs], ANSWER_BATCH_TOKENS):
            with torch.inference_mode():
                logits = self._network.support_logits(collate([packs[number] for number in batch]))
                found = torch.sigmoid(limits.scale * logits + limits.shift).tolist()
            for at, score in zip((at for number in batch for at in numbers[number]), found, strict=True):
                scores[at] = score
        return scores

    def _ids(self, texts: Sequence[str], limit: int) -> list[list[int]]:
        return [found.ids[:limit] for found in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]


_loading = threading.Lock()
_loaded: dict[Path, AnswerModel] = {}


def load_answer_model(settings: Settings, on_bytes: OnBytes = lambda _, __: None) -> AnswerModel:
    """Return the packaged model of passages, loaded once in a process. See :meth:`AnswerModel.load`."""
    return _load_once(ANSWER_WEIGHTS, settings, on_bytes)


def load_sentence_model(settings: Settings, on_bytes: OnBytes = lambda _, __: None) -> AnswerModel:
    """Return the packaged model of sentences, which knows :data:`STANDALONE_QUESTION`, loaded once in a process."""
    return _load_once(SENTENCE_WEIGHTS, settings, on_bytes)


def _load_once(directory: Path, settings: Settings, on_bytes: OnBytes) -> AnswerModel:
    with _loading:
        if directory not in _loaded:
            _loaded[directory] = AnswerModel.load(settings, on_bytes, directory=directory)
        return _loaded[directory]
