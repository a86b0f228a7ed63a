"""The cross-encoder on the packaged encoder with a new head: batches change no score, and what is missing is named."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from rag.embedding import minilm_directory
from rag.embedding.minilm import MINILM_SHA256
from rag.errors import ModelError
from rag.retrieval.reranker import RerankModel, rerank_with_model
from rag.retrieval.reranker.model import RerankConfig
from rag.store import Index

pytestmark = pytest.mark.integration

CONFIG = RerankConfig(
    name="test/1",
    base_sha256=MINILM_SHA256,
    layers=2,
    max_question_tokens=16,
    max_passage_tokens=60,
    scale=2.0,
    shift=-0.5,
    score_weight=0.5,
)
PASSAGES = ["Report\nCohen lied.", "Report\n" + "The board met and elected a chair. " * 20, "Grain was shipped in May."]


def write(directory: Path, config: RerankConfig) -> Path:
    """A model of two layers with a head of random weights."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(5)
    head = {"dense.weight": torch.randn(384, 384) / 20, "dense.bias": torch.zeros(384)}
    head |= {"relevance.weight": torch.randn(1, 384) / 20, "relevance.bias": torch.zeros(1)}
    head |= {"importance.weight": torch.randn(1, 384) / 20, "importance.bias": torch.zeros(1)}
    head |= {"similarity.weight": torch.tensor([[1.0, 5.0]]), "similarity.bias": torch.zeros(1)}
    save_file(head, directory / "difference.safetensors")
    (directory / "config.json").write_text(json.dumps(asdict(config)))
    return directory


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("reranker"), CONFIG)


def test_a_score_does_not_depend_on_the_other_passages(directory: Path) -> None:
    model = RerankModel.load(directory, precision="fp32")
    found = model.log_odds("Who lied?", PASSAGES)
    fresh = RerankModel.load(directory, precision="fp32")
    assert [fresh.log_odds("Who lied?", [text])[0] for text in PASSAGES] == pytest.approx(found, abs=1e-4)
    assert len({round(value, 3) for value in found}) == 3
    assert model.log_odds("Who met?", PASSAGES) != found


def test_the_fast_precision_gives_nearly_the_same_scores(directory: Path) -> None:
    exact = RerankModel.load(directory, precision="fp32").log_odds("Who lied?", PASSAGES)
    assert RerankModel.load(directory).log_odds("Who lied?", PASSAGES) == pytest.approx(exact, abs=0.1)


def test_hits_are_ordered_by_the_model_and_ranked_from_one(directory: Path, corpus_index: Index) -> None:
    model = RerankModel.load(directory)
    hits = rerank_with_model(corpus_index, "Who met in the Seychelles?", model, k=5)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_missing_file_and_another_base_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json: no configuration of a reranker"):
        RerankModel.load(tmp_path)
    write(tmp_path, replace(CONFIG, base_sha256="0" * 64))
    with pytest.raises(ModelError, match="the difference is to a base with SHA-256 000"):
        RerankModel.load(tmp_path)
    (tmp_path / "difference.safetensors").unlink()
    with pytest.raises(ModelError, match=r"difference\.safetensors cannot be read"):
        RerankModel.load(tmp_path, base=minilm_directory())
    (tmp_path / "config.json").write_text('{"name": "test/1"}')
    with pytest.raises(ModelError, match="it lacks 'base_sha256'"):
        RerankModel.load(tmp_path)
