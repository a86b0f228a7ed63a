"""The loss of a batch: the answering passage against the others of its query, and the relevance of each passage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .collection import NONE

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class RerankLosses:
    """The parts of the loss; ``listwise`` is None where no query of the batch has an answer."""

    listwise: Tensor | None
    relevance: Tensor

    def total(self, relevance_weight: float) -> Tensor:
        """Return the sum, with this weight for the loss of relevance."""
        total = relevance_weight * self.relevance
        return total if self.listwise is None else total + self.listwise


def rerank_losses(logits: Sequence[Tensor], labels: Sequence[float]) -> RerankLosses:
    """Return the loss of groups.

    The listwise loss is the cross-entropy of a softmax over the passages of a group with a label (ListNet with one
    relevant passage; Cao et al., ICML 2007). The loss of relevance is the binary cross-entropy of each passage alone:
    it ties the logits of different queries to one scale.

    Args:
        logits: of each group, its labelled passage first.
        labels: of each group; see :class:`.groups.Group`.
    """
    import torch
    from torch.nn import functional

    listwise = [
        -functional.log_softmax(group, 0)[0] for group, label in zip(logits, labels, strict=True) if label > NONE
    ]
    targets = [
        functional.one_hot(torch.tensor(0), len(group)) * label for group, label in zip(logits, labels, strict=True)
    ]
    together = torch.cat(list(logits))
    relevance = functional.binary_cross_entropy_with_logits(together, torch.cat(targets).to(together))
    return RerankLosses(torch.stack(listwise).mean() if listwise else None, relevance)
