"""The packaged verifier (spec ``support``): two trained models, and a veto of missing full names.

The cross-encoder (``rag/verify/support/model.py``) reads free prose. The alignment model
(``rag/verify/alignment/model.py``) adds its log-odds, with more weight on near copies of the evidence, where it sees a
changed name or number that the cross-encoder lets through. A sentence passes if they accept it and it has no full name
that the evidence lacks (``rag/verify/facts.py``). Other facts that are missing become part of the reason, also of an
acceptance: a chat model behind this verifier is then asked (``rag/verify/cascade.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag._internal.log_odds import from_log_odds, log_odds
from rag.types import Chunk, Quote, Verdict
from rag.verify.facts import suspicions, vetoes
from rag.verify.quotes import quotes_of
from rag.verify.support.evidence import Passage

if TYPE_CHECKING:
    from rag._internal.cached_file import OnBytes
    from rag.config import Settings
    from rag.verify.alignment.model import Alignment, AlignmentModel
    from rag.verify.protocol import Premise, Verifier
    from rag.verify.support.model import Judgement, SupportModel

LEAST_PROBABILITY = 1e-4
"""Probability as which a smaller one counts, so that a model that is certain can be outweighed."""

Purpose = Literal["gating", "scoring"]
"""What a verdict is for: to print a draft or not, of whose sentences most are true, or to score sentences of unknown
origin. Each has its threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportVerifier:
    """The packaged support model, and the veto of :mod:`rag.verify.facts`.

    A verdict's ``score`` is the calibrated probability of support. It is full from the threshold of ``purpose`` on, and
    certain for a sentence that stands in the evidence, and for a near copy that the alignment model alone accepts, too.
    """

    model: SupportModel
    alignment: AlignmentModel
    purpose: Purpose = "gating"

    @property
    def name(self) -> str:
        """See :class:`rag.verify.protocol.Verifier`."""
        return f"{self.model.config.name} and facts"

    @property
    def threshold(self) -> float:
        """The score from which a sentence is fully supported."""
        return self.model.config.gating if self.purpose == "gating" else self.model.config.scoring

    @property
    def min_reattribution_score(self) -> float:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self.model.config.reattribution

    @property
    def citation_judge(self) -> Verifier:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        """See :class:`rag.verify.protocol.Verifier`. Titles and headings are evidence too."""
        return self._verdicts([(sentence, tuple(map(_passage, premises))) for sentence, premises in pairs])

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """See :class:`rag.verify.protocol.Verifier`."""
        return quotes_of(sentence, chunks)

    def _verdicts(self, cases: Sequence[tuple[str, Sequence[Passage]]]) -> list[Verdict]:
        texts = [(sentence, [each.text for each in passages]) for sentence, passages in cases]
        alignments = self.alignment.align(texts)
        return [
            self._verdict(sentence, passages, judgement, alignment)
            for (sentence, passages), judgement, alignment in zip(
                cases, self.model.judge(cases), alignments, strict=True
            )
        ]

    def _verdict(
        self, sentence: str, passages: Sequence[Passage], judgement: Judgement, alignment: Alignment
    ) -> Verdict:
        config = self.model.config
        threshold = config.copy_threshold if alignment.copy else self.threshold
        weight = config.copy_alignment_weight if alignment.copy else config.alignment_weight
        reading, aligned = log_odds([judgement.probability, alignment.probability], least=LEAST_PROBABILITY)
        score = round(float(from_log_odds(reading + weight * aligned)), 4)
        if not passages:
            return Verdict(support="none", score=0.0, judge=self.name, reason="no evidence")
        texts, headings = [each.text for each in passages], [each.heading for each in passages]
        if vetoed := vetoes(sentence, texts, headings):
            return Verdict(
                support="none",
                score=min(score, round(threshold / 2, 4)),
                judge=self.name,
                reason=f"no cited passage has {', '.join(vetoed)}",
                unsupported=vetoed[0],
            )
        absent = suspicions(sentence, texts, headings)
        doubt = f"no cited passage has {', '.join(absent)}" if absent else ""
        if score >= threshold:
            copied = alignment.copy and alignment.probability >= self.alignment.threshold
            certain = not doubt and (copied or any(sentence.strip() in text for text in texts))
            return Verdict(support="full", score=score, judge=self.name, reason=doubt, certain=certain)
        clause = sentence[slice(*judgement.unsupported[0])] if judgement.unsupported else ""
        reason = f"the evidence does not state “{clause}”" if clause else "the evidence does not state all of it"
        return Verdict(
            support="partial" if score >= config.partial else "none",
            score=score,
            judge=self.name,
            reason=f"{reason}; {doubt}" if doubt else reason,
            unsupported=clause,
        )


def _passage(premise: Premise) -> Passage:
    """Return ``premise``; a chunk has its line of title and headings, as the model was trained on."""
    if isinstance(premise, str):
        return Passage(premise)
    chunk = premise
    return Passage(
        chunk.text, " — ".join(part for part in (chunk.title, *chunk.heading_path, *chunk.items, chunk.columns) if part)
    )


_LOADING = threading.Lock()
_LOADED: list[SupportModel] = []


def load_support_model(settings: Settings | None = None, on_bytes: OnBytes = lambda _, __: None) -> SupportModel:
    """Return the process's one packaged model, loaded on first use.

    Args:
        settings: where the cache is; by default as the environment says.
        on_bytes: called while the model's base is unpacked, which happens once on a machine.

    Raises:
        ModelError: a part of the base is missing or damaged, or the cache cannot be written to.
    """
    with _LOADING:
        if not _LOADED:
            from rag.config import load_settings
            from rag.verify.support.model import SupportModel

            _LOADED.append(SupportModel.load(settings or load_settings(), on_bytes))
        return _LOADED[0]


def find_support_model(settings: Settings) -> Path | None:
    """Return the common weights in the user's cache, or None if they were not unpacked yet. Loads no model.

    Raises:
        ModelError: the files in the package cannot be read, or do not belong together.
    """
    from rag.verify.support.merged import COMMON_NAME, COMMON_WEIGHTS, find_merged
    from rag.verify.support.model import SupportConfig

    SupportConfig.read()  # a difference to other weights is of no use
    return find_merged(COMMON_WEIGHTS, COMMON_NAME, settings)


def default_verifier(purpose: Purpose = "scoring", settings: Settings | None = None) -> SupportVerifier:
    """Return the packaged verifier with the threshold of ``purpose``; see :func:`load_support_model`."""
    model = load_support_model(settings)
    with _LOADING:
        alignment = load_alignment_model()
    return SupportVerifier(model=model, alignment=alignment, purpose=purpose)


@lru_cache(maxsize=1)
def load_alignment_model() -> AlignmentModel:
    """Load the alignment model; it shares the network of the packaged encoder."""
    from rag.embedding import load_encoder
    from rag.embedding.tokens import TokenEncoder
    from rag.verify.alignment.model import AlignmentModel

    return AlignmentModel.load(encoder=TokenEncoder.load(load_encoder().network))
