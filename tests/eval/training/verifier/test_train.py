"""Training on a small random model: a run goes on from its checkpoint as if it had not stopped, and repeats."""

from __future__ import annotations

import argparse
import random
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rag.eval.training.parameters import load_parameters
from rag.eval.training.verifier import score, train
from rag.eval.training.verifier.development import DevelopmentSet
from rag.eval.training.verifier.examples import Example, ExampleClaim
from rag.eval.training.verifier.packing import Packer, load_tokenizer
from rag.eval.training.verifier.prose import development_examples
from rag.eval.training.verifier.stream import BatchStream
from rag.eval.training.verifier.weights import base_parameters, load_network

pytestmark = pytest.mark.integration


def options(base: Path, data: Path, out: Path, *more: str) -> argparse.Namespace:
    out.mkdir(exist_ok=True)
    arguments = [
        *("--base", str(base), "--data", str(data), "--written", str(data / "written.jsonl"), "--out", str(out)),
        *("--tokens", "4000", "--batch-tokens", "200", "--freeze", "1", "--warmup", "2", "--rate", "1e-3"),
        *("--mixture", "nli_small:20", "--stages", "0.3:1", "1:0.2", "--save-every", "4", *more),
    ]
    return train.arguments().parse_args(arguments)


def weights(out: Path) -> dict[str, Any]:
    return load_parameters(out / "weights.safetensors")


def test_a_stopped_run_goes_on_with_the_same_steps(base: Path, data: Path, tmp_path: Path) -> None:
    import torch

    whole = list(train.Run(options(base, data, tmp_path / "whole")).steps())
    assert len(whole) > 12
    first = list(islice(train.Run(options(base, data, tmp_path / "stopped")).steps(), 6))  # saved after 4, then lost
    run = train.Run(options(base, data, tmp_path / "stopped", "--save-every", "3"))
    assert run.step == 4
    rest = list(run.steps())
    assert first[:4] + rest == whole
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert set(one) == set(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_frozen_parameters_stay_and_the_others_are_trained(base: Path, data: Path, tmp_path: Path) -> None:
    import torch

    list(train.Run(options(base, data, tmp_path)).steps())
    trained, before = weights(tmp_path), base_parameters(base)
    assert not [name for name in trained if name.startswith(("embeddings.", "encoder.layer.0.", "encoder.relative"))]
    layer = [name for name in trained if name.startswith("encoder.layer.1.")]
    assert layer
    assert all(not torch.equal(trained[name], before[name].bfloat16()) for name in layer if name.endswith("weight"))


def test_kept_states_of_frozen_layers_change_no_step(base: Path, data: Path, tmp_path: Path) -> None:
    same = ("--tokens", "3000", "--stages", "1:0")
    kept = list(train.Run(options(base, data, tmp_path / "kept", *same, "--variants", "999")).steps())
    anew = list(train.Run(options(base, data, tmp_path / "anew", *same)).steps())
    assert [step["prose claims"] for step in kept] == pytest.approx([step["prose claims"] for step in anew], abs=0.02)


def test_the_examples_of_a_pass_come_again_after_the_variants(base: Path, data: Path, tmp_path: Path) -> None:
    read: list[float] = []

    def passage(rng: random.Random) -> list[Example]:
        read.append(rng.random())
        return [Example(evidence="It sank.", claims=(ExampleClaim(text="It sank.", supported=True),), source="")]

    stream = BatchStream("prose", passage, Packer(tokenizer=load_tokenizer(base)), 200, 1, variants=2)
    for _ in range(5):
        stream.next_batch()
    assert read[:2] == read[2:4]
    assert read[0] == read[4]
    assert read[0] != read[1]


def test_layers_that_were_trained_before_and_are_frozen_now_are_in_the_weights(
    base: Path, data: Path, tmp_path: Path
) -> None:
    import torch

    list(train.Run(options(base, data, tmp_path / "one", "--freeze", "0")).steps())
    start = tmp_path / "one" / "weights.safetensors"
    list(train.Run(options(base, data, tmp_path / "two", "--start", str(start), "--freeze", "1")).steps())
    before, after = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert set(before) == set(after)
    name = "encoder.layer.0.output.dense.weight"
    assert torch.equal(before[name], after[name])


def test_a_run_with_a_low_loss_learns_its_own_examples(base: Path, data: Path, tmp_path: Path) -> None:
    found = list(train.Run(options(base, data, tmp_path, "--tokens", "60000", "--stages", "1:0")).steps())
    ranking = [step["prose ranking"] for step in found if "prose ranking" in step]
    assert sum(ranking[-5:]) < 0.5 * sum(ranking[:5])


def test_other_options_than_those_of_the_checkpoint_are_named(base: Path, data: Path, tmp_path: Path) -> None:
    list(islice(train.Run(options(base, data, tmp_path)).steps(), 5))
    with pytest.raises(ValueError, match=r"was made with --rate 0\.001, not 0\.1: give that option again"):
        train.Run(options(base, data, tmp_path, "--rate", "0.1"))


def test_a_set_is_scored_in_order_with_its_pairs(base: Path, data: Path, tmp_path: Path) -> None:
    list(train.Run(options(base, data, tmp_path)).steps())
    network = load_network(base, tmp_path / "weights.safetensors")
    packer = Packer(tokenizer=load_tokenizer(base))
    development = DevelopmentSet(name="prose", examples=development_examples(data / "prose"))
    found = list(score.score_set(network, packer, development))
    claims = [claim for example in development.examples for claim in example.claims]
    assert [(each.supported, each.kind) for each in found] == [(claim.supported, claim.kind) for claim in claims]
    assert [each.pair for each in found] == [1, 1, 2, 2]
    assert all(len(each.token_logits) == len(each.token_labels) > 3 for each in found)
    first = list(score.score_set(network, packer, DevelopmentSet(name="prose", examples=development.examples[:1])))
    assert [each.logit for each in first] == pytest.approx([each.logit for each in found[:2]], abs=0.05)


def test_weights_that_do_not_fit_are_named(base: Path, data: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"encoder.layer.7.bias": torch.zeros(2)}, tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match=r"odd\.safetensors: the network has no encoder\.layer\.7\.bias"):
        train.Run(options(base, data, tmp_path / "run", "--start", str(tmp_path / "odd.safetensors")))
