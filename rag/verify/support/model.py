"""Do passages support a sentence? The packaged model that decides: a cross-encoder over claim and evidence.

The network (``rag/verify/support/network.py``) reads the evidence once for all claims on it. How it was trained, on
what, and what it gets wrong is in ``rag/verify/support/weights/README.md``; ``eval/training/verifier/`` trains it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rag._internal.cached_file import OnBytes
from rag._internal.length_batches import length_batches
from rag._internal.processor import Precision, best_precision
from rag.embedding.batching import Batcher
from rag.verify.support.claims import ClaimPart, Span, claim_parts, marked_spans
from rag.verify.support.evidence import Passage, evidence_ids
from rag.verify.support.merged import load_packaged, read_config
from rag.verify.support.precision import support_network_in

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.config import Settings
    from rag.verify.support.network import Pack, SupportNetwork

WEIGHTS = Path(__file__).parent / "weights"

MAX_PACK_TOKENS = 512
"""Length of a pack up to which claims with the same evidence are added to it."""

PADDED_TOKENS_PER_BATCH = 4096
"""Tokens of a batch, padding included. In bf16 on two busy cores batches of 250, 1,000, 2,000 and 4,000 tokens ran
at 470, 570, 700 and 760 tokens a second."""

CACHED_JUDGEMENTS = 8192
"""Judgements that are kept: the repair of a brief asks for the same pairs again."""

Pair = tuple[str, tuple[Passage, ...]]
"""A claim and its evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportConfig:
    """What ``config.json`` says of the model. Thresholds are calibrated probabilities."""

    name: str
    max_evidence_tokens: int
    max_claim_tokens: int
    scale: float
    shift: float
    alignment_weight: float
    """Weight of the alignment model's log-odds beside those of this model's probability."""
    copy_alignment_weight: float
    """The same for a near copy of the evidence."""
    copy_threshold: float
    """From here on a near copy of the evidence is supported, whatever the purpose."""
    gating: float
    """From here on a draft is supported by the evidence it was written from, where most sentences are true."""
    scoring: float
    """From here on a sentence of unknown origin counts as supported."""
    partial: float
    """From here on a sentence that is refused counts as supported in part; nine in ten unrelated passages are below."""
    reattribution: float
    """From here on another passage may be cited instead."""
    marking: float
    """From here on a token can count as unsupported; the head for tokens is not calibrated."""

    @classmethod
    def read(cls, directory: Path = WEIGHTS) -> SupportConfig:
        """Return the configuration in ``directory``.

        Raises:
            ModelError: see :func:`rag.verify.support.merged.read_config`.
        """
        return read_config(directory, cls._of, "a verifier")

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> SupportConfig:
        calibration, thresholds = found["calibration"], found["thresholds"]
        return cls(
            name=str(found["name"]),
            max_evidence_tokens=int(found["max_evidence_tokens"]),
            max_claim_tokens=int(found["max_claim_tokens"]),
            scale=float(calibration["scale"]),
            shift=float(calibration["shift"]),
            alignment_weight=float(found["alignment_weight"]),
            copy_alignment_weight=float(found["copies"]["alignment_weight"]),
            copy_threshold=float(found["copies"]["threshold"]),
            gating=float(thresholds["gating"]),
            scoring=float(thresholds["scoring"]),
            partial=float(thresholds["partial"]),
            reattribution=float(thresholds["reattribution"]),
            marking=float(found["token_threshold"]),
        )


class Judgement(NamedTuple):
    """What the model says of a pair."""

    probability: float
    """Calibrated probability that the evidence supports the claim."""
    unsupported: tuple[Span, ...]
    """The parts of the claim that the evidence seems not to support, the likeliest first."""


NO_EVIDENCE = Judgement(0.0, ())


class SupportModel:
    """The packaged model. Any thread may call it: pairs of several threads are judged in common batches.

    In bf16 a probability depends on the other pairs of its batch by less than .01; a pair that was judged keeps its
    judgement.
    """

    def __init__(
        self, network: SupportNetwork, tokenizer: Tokenizer, config: SupportConfig, precision: Precision
    ) -> None:
        self.config = config
        self.precision = precision
        self._network = network
        self._tokenizer = tokenizer
        self._judged: Batcher[Pair, Judgement] = Batcher(self._judge, cache_size=CACHED_JUDGEMENTS)

    @classmethod
    def load(
        cls,
        settings: Settings,
        on_bytes: OnBytes = lambda _, __: None,
        *,
        directory: Path = WEIGHTS,
        precision: Precision | None = None,
    ) -> SupportModel:
        """Load the packaged model, or another one from ``directory``; opens no connection.

        Args:
            settings: where the cache is, into which the common weights are merged at the first time.
            on_bytes: called meanwhile.
            directory: has ``config.json`` and ``difference.safetensors``.
            precision: by default the fastest one of this processor.

        Raises:
            ModelError: see :func:`rag.verify.support.merged.load_packaged` and :meth:`SupportConfig.read`.
        """
        config = SupportConfig.read(directory)
        state, tokenizer = load_packaged(directory, settings, on_bytes)
        precision = precision or best_precision()
        return cls(support_network_in(state, precision), tokenizer, config, precision)

    def judge(self, pairs: Sequence[tuple[str, Sequence[Passage]]]) -> list[Judgement]:
        """Return a judgement on each pair of a claim and its evidence, which is taken together.

        An empty claim, or one without evidence, has probability 0.
        """
        keys = [(claim, tuple(each for each in passages if each.text.strip())) for claim, passages in pairs]
        judged = self._judged([(claim, passages) for claim, passages in keys if claim.strip() and passages])
        found = iter(judged)
        return [next(found) if claim.strip() and passages else NO_EVIDENCE for claim, passages in keys]

    def _judge(self, pairs: Sequence[Pair]) -> list[Judgement]:
        """Return a judgement on each pair. Of a long claim the least supported part counts."""
        limits = self.config
        by_evidence: defaultdict[tuple[int, ...], list[tuple[int, ClaimPart]]] = defaultdict(list)
        for at, (claim, passages) in enumerate(pairs):
            evidence = evidence_ids(claim, passages, self._tokenizer, limits.max_evidence_tokens)
            for part in claim_parts(claim, self._tokenizer, limits.max_claim_tokens):
                by_evidence[evidence].append((at, part))
        lowest = dict.fromkeys(range(len(pairs)), 1.0)
        spans: defaultdict[int, list[Span]] = defaultdict(list)
        for (at, part), probability, marks in self._run(list(_packed(by_evidence))):
            lowest[at] = min(lowest[at], probability)
            spans[at] += marked_spans(pairs[at][0], part.offsets, marks, limits.marking)
        return [Judgement(lowest[at], tuple(spans[at])) for at in range(len(pairs))]

    def _run(
        self, packed: Sequence[tuple[Pack, Sequence[tuple[int, ClaimPart]]]]
    ) -> Iterator[tuple[tuple[int, ClaimPart], float, list[float]]]:
        """Yield each claim of the packs with its probability and the mark of each of its tokens."""
        import torch

        from rag.verify.support.network import collate

        for numbers in length_batches([pack.length for pack, _ in packed], PADDED_TOKENS_PER_BATCH):
            batch = collate([packed[number][0] for number in numbers])
            with torch.inference_mode():
                logits, marks = self._network(batch)
                probabilities = torch.sigmoid(self.config.scale * logits + self.config.shift).tolist()
                marks = torch.sigmoid(marks).tolist()
            claims = [claim for number in numbers for claim in packed[number][1]]
            rows, starts = batch.rows.tolist(), batch.starts.tolist()
            for claim, probability, row, start in zip(claims, probabilities, rows, starts, strict=True):
                yield claim, probability, marks[row][start + 1 : start + 1 + len(claim[1].ids)]


def _packed(
    by_evidence: Mapping[tuple[int, ...], Sequence[tuple[int, ClaimPart]]],
) -> Iterator[tuple[Pack, list[tuple[int, ClaimPart]]]]:
    """Yield packs of an evidence with as many of its claims as fit, and these claims."""
    from rag.verify.support.network import Pack

    for evidence, claims in by_evidence.items():
        taken: list[tuple[int, ClaimPart]] = []
        length = len(evidence) + 2
        for claim in claims:
            size = len(claim[1].ids) + 2
            if taken and length + size > MAX_PACK_TOKENS:
                yield Pack(evidence, [part.ids for _, part in taken]), taken
                taken, length = [], len(evidence) + 2
            taken.append(claim)
            length += size
        yield Pack(evidence, [part.ids for _, part in taken]), taken
