"""A BERT model as a base: it gives the same hidden states in the form of MPNet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.eval.training.verifier.bert_base import write_base

pytestmark = pytest.mark.integration  # loads torch and a packaged model


def test_the_base_written_from_the_packaged_minilm_gives_the_hidden_states_of_bert(tmp_path: Path) -> None:
    import torch
    from transformers import BertModel

    from rag.embedding import minilm_directory
    from rag.eval.training.verifier.packing import load_tokenizer
    from rag.eval.training.verifier.weights import new_network
    from rag.verify.support.network import Pack, collate

    write_base(minilm_directory(), tmp_path)
    network = new_network(tmp_path).eval()
    bert = BertModel.from_pretrained(minilm_directory()).eval()
    tokens = load_tokenizer(tmp_path).encode("The committee lapsed in 2019, and nobody renewed it.")

    with torch.no_grad():
        expected = bert(torch.tensor([tokens.ids])).last_hidden_state[0]
        own = network.lower(collate([Pack(tokens.ids[1:-1], [])]), len(network.encoder.layer))[0]

    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["model_type"] == "mpnet"
    assert float((expected - own).abs().max()) < 1e-4
