"""A sequence-classification model as verifier (spec ``hf:PATH_OR_ID``), such as MiniCheck, HHEM or an NLI model.

sentence-transformers' ``CrossEncoder`` runs it on the pair (evidence, claim). Evidence that does not fit the model is
read in windows of whole sentences, of which the best counts (cf. SummaC, Laban et al., TACL 2022).
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import UsageError
from rag.text import split_sentences
from rag.types import Chunk, Quote, Verdict
from rag.verify.quotes import quotes_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import CrossEncoder

    from rag.verify.protocol import Premise, Verifier

SUPPORT_LABELS = frozenset(
    "entailment entailed entails support supported supports fully_supported consistent factual faithful grounded "
    "attributable".split()
)
"""Names of the label that means support, in lower case with underscores."""

MAX_TOKENS = 1024
"""Length limit of evidence and claim together, for a model that could read more."""

PAIRS_PER_BATCH = 16

_NUMBERED = re.compile(r"(label_?)?\d+")


def support_label(labels: Sequence[str]) -> int | None:
    """Return the position of the label that means support; None if it cannot be told.

    A single label is a logit for support. Of two labels without names, the second means support, as in MiniCheck.
    """
    names = [re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") for label in labels]
    if len(names) == 1:
        return 0
    named = [at for at, name in enumerate(names) if name in SUPPORT_LABELS]
    if len(named) == 1:
        return named[0]
    if len(names) == 2 and all(_NUMBERED.fullmatch(name) for name in names):
        return 1
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierVerifier:
    """A classifier whose label at position ``label`` means support; see :class:`rag.verify.protocol.Verifier`.

    A verdict is full where the probability of the label, which is the ``score``, reaches ``threshold``; else it is
    none, since a classifier does not tell which part is supported. ``min_reattribution_score`` was not measured: it is
    above the threshold because the best of many passages often passes by chance.
    """

    name: str
    model: CrossEncoder
    labels: tuple[str, ...]
    label: int
    threshold: float = 0.5
    min_reattribution_score: float = 0.7

    @property
    def citation_judge(self) -> Verifier:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self._judge([(claim, list(map(_titled_sentences, premises))) for claim, premises in pairs])

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """See :class:`rag.verify.protocol.Verifier`."""
        return quotes_of(sentence, chunks)

    def _judge(self, cases: Sequence[tuple[str, Sequence[Sequence[str]]]]) -> list[Verdict]:
        """Return a verdict for each (claim, passages); a passage is its title line followed by its sentences."""
        windows = [
            (at, text, claim) for at, (claim, passages) in enumerate(cases) for text in self._fit(claim, passages)
        ]
        best: dict[int, NDArray[np.float64]] = {}
        for (at, _, _), row in zip(
            windows, self._probabilities([(text, claim) for _, text, claim in windows]), strict=True
        ):
            if at not in best or row[self.label] > best[at][self.label]:
                best[at] = row
        return [self._verdict(best.get(at)) for at in range(len(cases))]

    def _verdict(self, row: NDArray[np.float64] | None) -> Verdict:
        if row is None:
            return Verdict(support="none", score=0.0, judge=self.name, reason="no evidence")
        score = round(float(row[self.label]), 4)
        if not math.isfinite(score):
            return Verdict(support=None, score=0.0, judge=self.name, reason="the model gave no number")
        if score >= self.threshold:
            return Verdict(support="full", score=score, judge=self.name)
        likeliest = self.labels[int(row.argmax())] if len(row) > 1 else "not supported"
        return Verdict(support="none", score=score, judge=self.name, reason=f"{likeliest}, P(support) {score:.2f}")

    def _fit(self, claim: str, passages: Sequence[Sequence[str]]) -> Iterator[str]:
        """Yield the evidence as texts that fit the model together with ``claim``, usually one."""
        room = self._limit - len(self.model.tokenizer(claim)["input_ids"]) - 2
        window: list[str] = []
        used = 0
        for title, *sentences in passages:
            for number, sentence in enumerate(sentences):
                added = [title, sentence] if title and (not number or not window) else [sentence]
                size = sum(self._size(text) for text in added)
                if window and used + size > room:
                    yield "\n".join(window)
                    added = [title, sentence] if title else [sentence]
                    window, used, size = [], 0, sum(self._size(text) for text in added)
                window += added
                used += size
        if window:
            yield "\n".join(window)

    @property
    def _limit(self) -> int:
        return min(self.model.max_seq_length or MAX_TOKENS, MAX_TOKENS)

    def _size(self, text: str) -> int:
        return len(self.model.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _probabilities(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Return the probability of each label for each pair of evidence and claim: pairs × labels."""
        import numpy as np
        from torch.nn import Identity

        if not pairs:
            return np.zeros((0, len(self.labels)))
        raw = self.model.predict(
            list(pairs), batch_size=PAIRS_PER_BATCH, show_progress_bar=False, activation_fn=Identity()
        )
        logits = np.asarray(raw, np.float64).reshape(len(pairs), -1)
        if logits.shape[1] == 1:
            return np.asarray(1 / (1 + np.exp(-logits)))
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True))


_LOADING = threading.Lock()


def load_classifier(path: str) -> ClassifierVerifier:
    """Return the classifier in the directory ``path``, or with this id on the hub; loaded once in a process.

    A directory (a path that exists, or begins with ``.``, ``/`` or ``~``) is read without any connection.

    Raises:
        UsageError: there is no such model, it is no classifier, or none of its labels is known to mean support.
    """
    with _LOADING:
        return _loaded(path)


def is_directory_path(path: str) -> bool:
    """Return whether ``path`` means a directory on this machine rather than an id on the hub."""
    return path.startswith((".", "/", "~")) or Path(path).is_dir()


@lru_cache(maxsize=2)
def _loaded(path: str) -> ClassifierVerifier:
    from sentence_transformers import CrossEncoder
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    offline = is_directory_path(path)
    place = str(Path(path).expanduser()) if offline else path
    try:
        config: Any = AutoConfig.from_pretrained(place, local_files_only=offline)
        labels = _labels(path, config)
        label = support_label(labels)
        if label is None:
            raise UsageError(
                f"--verifier hf:{path}: none of its labels is known to mean support: {', '.join(labels)}; "
                "give a model with a label entailment, supported or consistent, or with a single logit"
            )
        model = CrossEncoder(place, device="cpu", local_files_only=offline)
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"--verifier hf:{path}: cannot be loaded: {_first_line(error)}") from error
    name = Path(place).name if offline else path
    return ClassifierVerifier(name=f"{name}, label {labels[label]}", model=model, labels=labels, label=label)


def _labels(path: str, config: Any) -> tuple[str, ...]:
    """Return the names of the model's labels, in the order of its logits.

    Raises:
        UsageError: the model has no classifier, so that its scores would be those of random weights.
    """
    architectures = config.architectures or ()
    if not any(name.endswith("ForSequenceClassification") for name in architectures):
        kind = ", ".join(architectures) or "a model without an architecture"
        raise UsageError(f"--verifier hf:{path}: not a sequence-classification model, but {kind}")
    return tuple(str(config.id2label[number]) for number in range(config.num_labels))


def _titled_sentences(premise: Premise) -> list[str]:
    """Return the title line of ``premise``, "" for a sentence, and its sentences."""
    title, text = ("", premise) if isinstance(premise, str) else (premise.context, premise.text)
    return [title, *_sentences(text)]


def _sentences(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in split_sentences(text)]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
