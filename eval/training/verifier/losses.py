"""The loss of a batch: support of each claim, order of each claim and its twin, and unsupported words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from .packing import TrainingBatch

TOKEN_WEIGHT_OF_UNSUPPORTED = 3.0
"""Weight of unsupported tokens, of which there are few, against the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """Weights of the ranking loss and of the loss of tokens, beside 1 for that of claims."""

    ranking: float = 1.0
    tokens: float = 0.3


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of the loss; None where the batch has no twins or no labelled tokens."""

    claims: Tensor
    ranking: Tensor | None
    tokens: Tensor | None

    def total(self, weights: LossWeights) -> Tensor:
        """Return the weighted sum."""
        total = self.claims
        if self.ranking is not None:
            total = total + weights.ranking * self.ranking
        if self.tokens is not None:
            total = total + weights.tokens * self.tokens
        return total


def losses(support: Tensor, unsupported: Tensor, batch: TrainingBatch) -> Losses:
    """Return the loss of a batch.

    Args:
        support: C logits of the claims.
        unsupported: B × L logits of the tokens.
        batch: the labels. The ranking loss is the logistic one of RankNet (Burges et al., 2005).
    """
    import torch
    from torch.nn import functional

    claims = functional.binary_cross_entropy_with_logits(support, batch.labels)
    ranking = tokens = None
    if len(batch.twins):
        true, false = support[batch.twins].unbind(1)
        ranking = functional.softplus(false - true).mean()
    labelled = batch.token_labels >= 0
    if labelled.any():
        tokens = functional.binary_cross_entropy_with_logits(
            unsupported[labelled],
            batch.token_labels[labelled],
            pos_weight=torch.tensor(TOKEN_WEIGHT_OF_UNSUPPORTED, device=support.device),
        )
    return Losses(claims, ranking, tokens)
