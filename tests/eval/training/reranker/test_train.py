"""Training on a small random model: a run goes on as if it had not stopped; what it learned is saved, loaded, ranks."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rag.eval.training.parameters import load_parameters
from rag.eval.training.reranker import calibrate, compress, measure, score, train
from rag.eval.training.reranker.score import read_rerank_scores
from rag.eval.training.reranker.weights import load_network
from rag.retrieval.reranker.model import RerankModel
from rag.retrieval.reranker.network import base_state

from .conftest import COLOURS, colours

pytestmark = pytest.mark.integration


def options(base: Path, mined: Path, out: Path, *more: str) -> argparse.Namespace:
    out.mkdir(exist_ok=True)
    arguments = [
        *("--base", str(base), "--mined", str(mined), "--out", str(out), "--tokens", "3000", "--mixture", "colours"),
        *("--groups", "2", "--negatives", "3", "--warmup", "2", "--rate", "1e-3", "--save-every", "4"),
        *("--forward-tokens", "60", *more),
    ]
    return train.arguments().parse_args(arguments)


def weights(out: Path) -> dict[str, Any]:
    return load_parameters(out / "weights.safetensors")


def test_a_stopped_run_goes_on_with_the_same_steps(base: Path, mined: Path, tmp_path: Path) -> None:
    import torch

    whole = list(train.RerankRun(options(base, mined, tmp_path / "whole")).steps())
    assert len(whole) > 12
    first = list(islice(train.RerankRun(options(base, mined, tmp_path / "stopped")).steps(), 6))  # saved after 4
    run = train.RerankRun(options(base, mined, tmp_path / "stopped", "--save-every", "3"))
    assert run.step == 4
    rest = list(run.steps())
    assert first[:4] + rest == whole
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert set(one) == set(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_frozen_parameters_stay_and_the_others_are_trained(base: Path, mined: Path, tmp_path: Path) -> None:
    import torch

    list(train.RerankRun(options(base, mined, tmp_path, "--freeze", "1")).steps())
    trained, before = weights(tmp_path), base_state(base)
    assert not [name for name in trained if name.startswith(("encoder.embeddings.", "encoder.encoder.layer.0."))]
    layer = [name for name in trained if name.startswith("encoder.encoder.layer.1.") and name.endswith("weight")]
    assert layer
    assert all(not torch.equal(trained[name], before[name].bfloat16()) for name in layer)


def test_fewer_layers_are_kept_and_said_in_the_file(base: Path, mined: Path, tmp_path: Path) -> None:
    list(train.RerankRun(options(base, mined, tmp_path, "--layers", "1")).steps())
    assert not [name for name in weights(tmp_path) if name.startswith("encoder.encoder.layer.1.")]
    assert load_network(base, tmp_path / "weights.safetensors").encoder.config.num_hidden_layers == 1


def test_other_options_than_those_of_the_checkpoint_are_named(base: Path, mined: Path, tmp_path: Path) -> None:
    list(islice(train.RerankRun(options(base, mined, tmp_path)).steps(), 5))
    with pytest.raises(ValueError, match=r"was made with --rate 0\.001, not 0\.1: give that option again"):
        train.RerankRun(options(base, mined, tmp_path, "--rate", "0.1"))


def test_a_collection_that_was_not_prepared_is_named(base: Path, mined: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no queries of scifact: prepare it"):
        train.RerankRun(options(base, mined, tmp_path, "--mixture", "scifact"))


def test_weights_that_do_not_fit_are_named(base: Path, mined: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"encoder.layer.7.bias": torch.zeros(2)}, tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match=r"odd\.safetensors: the network has no encoder\.layer\.7\.bias"):
        train.RerankRun(options(base, mined, tmp_path / "run", "--start", str(tmp_path / "odd.safetensors")))


def run_command(monkeypatch: pytest.MonkeyPatch, command: Any, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    command.main()


def test_a_trained_model_is_compressed_calibrated_measured_and_ranks(
    base: Path, mined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    list(train.RerankRun(options(base, mined, tmp_path / "run", "--tokens", "40000", "--groups", "4")).steps())
    packaged, scores = tmp_path / "packaged", tmp_path / "scores.jsonl"
    difference = packaged / "difference.safetensors"
    common = ("--base", base, "--weights")
    run_command(
        monkeypatch, compress, *common, tmp_path / "run" / "weights.safetensors", "--form", "int4", "--out", difference
    )
    run_command(monkeypatch, score, *common, difference, "--mined", mined, "--out", scores)
    run_command(monkeypatch, calibrate, *common, difference, "--scores", scores, "--name", "test/1", "--out", packaged)
    run_command(monkeypatch, measure, "--scores", scores, "--config", packaged)
    printed = capsys.readouterr().out
    assert "colours      both      nDCG@10 1.0000  MRR@10 1.0000" in printed
    assert len(read_rerank_scores(scores)) == len(COLOURS)
    model = RerankModel.load(packaged, base=base)
    passages = [passage.text for passage in colours().passages.values()]
    for place, thing in enumerate(COLOURS):
        found = model.log_odds(f"what colour is the {thing}", passages)
        assert max(range(len(found)), key=found.__getitem__) == place
        assert max(found) > 0
