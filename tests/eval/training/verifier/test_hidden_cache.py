"""What the frozen layers make of a pack is computed once, and is the same as if it were computed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.training.verifier.hidden_cache import HiddenCache
from rag.eval.training.verifier.weights import new_network
from rag.verify.support.network import Pack, collate

pytestmark = pytest.mark.integration

PACKS = [Pack([5, 6, 7, 8], [[9, 10], [11]]), Pack([5, 6], [[12]]), Pack([7], [[5, 6, 7], [9]])]


def test_kept_states_are_those_of_the_network_for_any_batch(base: Path) -> None:
    import torch

    network = new_network(base).eval()
    cache = HiddenCache(network, 1)
    with torch.no_grad():
        cache.hidden(PACKS[:2], collate(PACKS[:2]))
        for packs in (PACKS, PACKS[::-1]):
            batch = collate(packs)
            support, unsupported = network.upper(batch, cache.hidden(packs, batch), 1)
            whole, marks = network(batch)
            assert torch.allclose(support, whole, atol=1e-5)
            real = batch.segments >= 0
            assert torch.allclose(unsupported[real], marks[real], atol=1e-5)


def test_a_pack_that_comes_again_skips_the_frozen_layers(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = new_network(base).eval()
    cache = HiddenCache(network, 1)
    first = cache.hidden(PACKS, collate(PACKS))
    monkeypatch.setattr(network, "lower", None)
    assert (cache.hidden(PACKS, collate(PACKS)) == first).all()
