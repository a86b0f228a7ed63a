"""Align a sentence with its evidence token by token: precise on near copies, unreliable on free prose.

Sentence and passages are encoded apart by the packaged MiniLM (a passage once, however many sentences it serves),
aligned token by token, and judged by heads whose logits are mixed: a linear one and boosted trees over
``rag/verify/alignment/features.py``, and the alignment network of ``rag/verify/alignment/net.py``. A near copy of the
evidence must also pass trees that learned only from copies, true ones and ones with a fact changed. It decides on near
copies alone, and its logit is added to the cross-encoder's elsewhere: ``rag/verify/support/weights/README.md``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rag.embedding.batching import Batcher
from rag.embedding.tokens import Encoded, Floats, TokenEncoder, join
from rag.verify.alignment.features import NAMES, features, relevant
from rag.verify.alignment.trees import ARRAYS, Trees

if TYPE_CHECKING:
    from rag.verify.alignment.net import AlignmentNet

CLAIM_LIMIT = 80
"""Tokens of the claim that the network reads; the features read them all."""

CACHED_TOKENS = 160_000
"""Tokens of texts that stay encoded; one takes 3 kB."""

ALIGNMENT_WEIGHTS = Path(__file__).parent / "weights"


class Alignment(NamedTuple):
    """What the model says of a pair."""

    probability: float
    """Probability that the evidence supports the claim in full."""
    copy: bool
    """Whether the claim is a near copy of its evidence."""


class AlignmentModel:
    """The model. A near copy is supported where its probability is at least ``threshold``, whatever the purpose."""

    threshold = 0.5

    def __init__(
        self, encoder: TokenEncoder, weights: dict[str, Any], config: dict[str, Any], remember: int = CACHED_TOKENS
    ) -> None:
        if tuple(config["features"]) != NAMES:
            raise ValueError("the alignment weights are of another version: install citebrief again")
        self.encoder = encoder
        self._config = config
        self._idf: Floats = weights["idf"].numpy()
        self._mean: Floats = weights["mean"].numpy()
        self._std: Floats = weights["std"].numpy()
        self._linear: Floats = weights["linear"].numpy()
        self._trees = _trees(weights, "trees", config["trees_start"])
        self._near = _trees(weights, "near", config["near"]["start"])
        self._bars = [(NAMES.index(name), float(bar)) for name, bar in config["near"]["bars"].items()]
        self._nets = _nets(weights, config)
        self._encoded = Batcher(encoder.encode, cache_size=remember, size_of=lambda found: len(found.ids))

    @classmethod
    def load(cls, directory: Path = ALIGNMENT_WEIGHTS, encoder: TokenEncoder | None = None) -> AlignmentModel:
        """Load the shipped model, or another one from ``directory``; opens no connection."""
        from safetensors.torch import load_file

        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        return cls(encoder or TokenEncoder.load(), load_file(directory / "model.safetensors"), config)

    def align(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Alignment]:
        """Return an alignment for each pair of a claim and its passages, which are taken together.

        An empty claim, or one without evidence, has probability 0.
        """
        texts = list(dict.fromkeys(text for claim, passages in pairs for text in (claim, *passages)))
        found = dict(zip(texts, self._encoded(texts), strict=True))
        alignments = [Alignment(0.0, copy=False)] * len(pairs)
        rows, both = [], []
        for row, (claim, passages) in enumerate(pairs):
            parts = [found[text] for text in passages if len(found[text].ids)]
            if parts and len(found[claim].ids):
                rows.append(row)
                both.append((found[claim], join(parts)))
        if rows:
            for row, probability, copy in zip(rows, *self._judge(both), strict=True):
                alignments[row] = Alignment(float(probability), bool(copy))
        return alignments

    def _judge(self, pairs: Sequence[tuple[Encoded, Encoded]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return P(full) of each pair, and which claims are near copies of their evidence."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn brings it

        # The matrices are small: sharing one out among threads takes ten times as long on a busy machine.
        with threadpool_limits(1, "blas"):
            x = np.stack([features(claim, evidence, self._idf) for claim, evidence in pairs])
        z = np.clip((x - self._mean) / self._std, -4, 4)
        linear = z @ self._linear[0, :-1] + self._linear[0, -1]
        mix = self._config["mix"]
        full = mix["linear"] * linear + mix["trees"] * self._trees.score(x) + mix["bias"]
        if self._nets:
            full = full + mix["net"] * self._network(pairs, x)[:, 0]
        # A near copy passes only if the trees that learned from copies, true and changed ones, accept it too.
        copies = np.logical_and.reduce([x[:, at] >= bar for at, bar in self._bars])
        full = np.where(copies, np.minimum(full, self._near.score(x) - self._config["near"]["cut"]), full)
        return 1 / (1 + np.exp(-full)), copies

    def _network(self, pairs: Sequence[tuple[Encoded, Encoded]], x: Floats) -> Floats:
        """Return n × 4 logits of the networks, their mean; the first is that of full support."""
        import torch

        out = np.zeros((len(pairs), 4), np.float32)
        chosen = [relevant(claim, evidence, self._idf) for claim, evidence in pairs]
        order = np.argsort([len(c) for c in chosen], kind="stable")
        with torch.inference_mode():
            for first in range(0, len(pairs), 32):
                part = order[first : first + 32]
                batch = tensors([pairs[i][0] for i in part], [(pairs[i][1], chosen[i]) for i in part], self._idf)
                logits = [
                    net(**batch, features=((torch.from_numpy(x[part]) - mean) / std).clip(-4, 4))
                    for net, mean, std in self._nets
                ]
                out[part] = torch.stack(logits).mean(0).numpy()
        return out


def tensors(
    claims: Sequence[Encoded], evidence: Sequence[tuple[Encoded, npt.NDArray[np.int32]]], idf: Floats
) -> dict[str, Any]:
    """One padded batch, named as the arguments of ``AlignmentNet.forward`` (``features`` apart)."""
    import torch

    n = min(CLAIM_LIMIT, max(len(claim.ids) for claim in claims))
    m, b = max(len(chosen) for _, chosen in evidence), len(claims)
    out: dict[str, npt.NDArray[Any]] = {
        "claim_low": np.zeros((b, n, 384), np.float32), "claim_high": np.zeros((b, n, 384), np.float32),
        "claim_mask": np.zeros((b, n), bool), "claim_weight": np.zeros((b, n), np.float32),
        "low": np.zeros((b, m, 384), np.float32), "high": np.zeros((b, m, 384), np.float32),
        "mask": np.zeros((b, m), bool), "sentence": np.zeros((b, m), np.int64),
    }  # fmt: skip
    claim_ids, ids = np.full((b, n), -1), np.full((b, m), -2)
    for k, (claim, (passage, chosen)) in enumerate(zip(claims, evidence, strict=True)):
        c, e = min(n, len(claim.ids)), len(chosen)
        claim_ids[k, :c], ids[k, :e] = claim.ids[:c], passage.ids[chosen]
        out["claim_low"][k, :c], out["claim_high"][k, :c] = claim.low[:c], claim.high[:c]
        out["claim_mask"][k, :c], out["claim_weight"][k, :c] = True, idf[claim.ids[:c]]
        out["low"][k, :e], out["high"][k, :e] = passage.low[chosen], passage.high[chosen]
        out["mask"][k, :e], out["sentence"][k, :e] = True, passage.sentence[chosen]
    batch: dict[str, Any] = {key: torch.from_numpy(value) for key, value in out.items()}
    batch["same"] = torch.from_numpy(claim_ids[:, :, None] == ids[:, None, :])
    return batch


def _trees(weights: dict[str, Any], prefix: str, start: float) -> Trees:
    return Trees(start=start, **{key: weights[f"{prefix}.{key}"].numpy() for key in ARRAYS})


def _nets(weights: dict[str, Any], config: dict[str, Any]) -> list[tuple[AlignmentNet, Any, Any]]:
    """The networks of the file (``net0.…``, ``net1.…``), and how each scales its features; their logits are
    averaged."""
    nets = []
    for k in range(int(config["nets"])):
        from rag.verify.alignment.net import AlignmentNet

        net = AlignmentNet(len(NAMES))
        prefix = f"net{k}."
        net.load_state_dict(
            {key.removeprefix(prefix): value.float() for key, value in weights.items() if key.startswith(prefix)}
        )
        nets.append((net.eval(), weights[f"scale{k}.mean"], weights[f"scale{k}.std"]))
    return nets
