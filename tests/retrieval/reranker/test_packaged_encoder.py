"""The reranker on the packaged encoder's network gives the scores of the same weights in ``transformers``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rag.embedding import minilm_directory

pytestmark = pytest.mark.integration

PAIRS = [([2054, 2003], [1996, 4937, 2938]), ([2054, 2003, 3376], [5000] * 40), ([3000], [2500, 2600])]
"""Token ids of questions and passages, of different lengths, so that a batch has padding."""


@pytest.mark.parametrize("layers", [2, None])
def test_logits_equal_those_of_transformers(layers: int | None) -> None:
    import torch

    from rag.retrieval.reranker.network import RerankNetwork, base_config, base_state, pair_logits
    from rag.retrieval.reranker.packaged_encoder import packaged_network
    from rag.retrieval.reranker.pairs import PairFormat, load_pair_tokenizer

    torch.manual_seed(5)
    base = minilm_directory()
    state = base_state(base, layers)
    state |= {"dense.weight": torch.randn(384, 384) / 20, "dense.bias": torch.zeros(384)}
    state |= {"relevance.weight": torch.randn(1, 384) / 20, "relevance.bias": torch.zeros(1)}
    state |= {"importance.weight": torch.randn(1, 384) / 20, "importance.bias": torch.zeros(1)}
    state |= {"similarity.weight": torch.tensor([[1.0, 5.0]]), "similarity.bias": torch.zeros(1)}
    form = PairFormat.of(load_pair_tokenizer(base))
    with torch.inference_mode():
        expected = pair_logits(RerankNetwork.from_state(base_config(base, layers), state), form, PAIRS, 1000)
        found = pair_logits(packaged_network(state, base, layers, "fp32"), form, PAIRS, 1000)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_the_packaged_model_is_loaded_without_transformers_and_without_the_compiler_of_torch() -> None:
    code = (
        "import sys; from rag.retrieval.reranker import load_rerank_model; "
        "load_rerank_model().log_odds('Who lied?', ['Cohen lied.']); "
        "print([name for name in ('transformers', 'torch._dynamo') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
