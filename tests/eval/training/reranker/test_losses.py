"""The loss of groups with and without an answer."""

from __future__ import annotations

import math

import pytest

from rag.eval.training.reranker.collection import FULL, NONE, PART
from rag.eval.training.reranker.losses import rerank_losses

pytestmark = pytest.mark.integration


def test_the_listwise_loss_is_that_of_the_first_passage_among_its_group() -> None:
    import torch

    found = rerank_losses([torch.tensor([1.0, 1.0]), torch.tensor([3.0, 0.0, 0.0, 0.0])], [FULL, PART])
    assert found.listwise is not None
    expected = (math.log(2) + math.log(1 + 3 * math.exp(-3))) / 2
    assert float(found.listwise) == pytest.approx(expected)


def test_relevance_is_learned_for_every_passage_and_a_part_counts_less() -> None:
    import torch

    zero = rerank_losses([torch.zeros(2), torch.zeros(3)], [FULL, NONE])
    assert float(zero.relevance) == pytest.approx(math.log(2))
    sure = [rerank_losses([torch.tensor([9.0, -9.0])], [label]).relevance for label in (FULL, PART, NONE)]
    assert float(sure[0]) < float(sure[1]) < float(sure[2])


def test_a_batch_without_answers_has_the_loss_of_relevance_alone() -> None:
    import torch

    found = rerank_losses([torch.tensor([2.0, 0.0])], [NONE])
    assert found.listwise is None
    assert float(found.total(0.3)) == pytest.approx(0.3 * float(found.relevance))
