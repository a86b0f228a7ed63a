"""The network of the writer's training: packed examples, and gradients of the adapters alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rag.eval.training.writer.base import Shape
from rag.eval.training.writer.network import ADAPTED, LoraShape, WriterNetwork
from rag.eval.training.writer.to_gguf import gguf_name
from rag.eval.training.writer.tokens import TokenExample, pack

pytestmark = pytest.mark.integration

SHAPE = Shape(layers=3, width=32, heads=4, key_heads=2, rope_base=10000.0, epsilon=1e-6)
LORA = LoraShape(first_layer=1, rank=2, alpha=4.0)
INNER, VOCABULARY = 48, 50
PREFIX = (1, 2, 3)


def example(name: str, prompt: tuple[int, ...], reply: tuple[int, ...]) -> TokenExample:
    return TokenExample(id=name, kind="section", prefix=PREFIX, tokens=prompt + reply, reply_start=len(prompt))


FIRST, SECOND = example("a", (4, 5, 6), (7, 8)), example("b", (9, 10), (11, 12, 13))


@pytest.fixture
def network() -> WriterNetwork:
    torch.manual_seed(0)
    sizes = {"attn_q": (32, 32), "attn_k": (16, 32), "attn_v": (16, 32), "attn_output": (32, 32)}
    sizes |= {"ffn_gate": (INNER, 32), "ffn_up": (INNER, 32), "ffn_down": (32, INNER)}
    weights = {"token_embd.weight": torch.randn(VOCABULARY, 32), "output_norm.weight": torch.ones(32)}
    for layer in range(SHAPE.layers):
        weights |= {f"blk.{layer}.{name}.weight": torch.randn(size) / 6 for name, size in sizes.items()}
        weights |= {f"blk.{layer}.{name}.weight": torch.ones(32) for name in ("attn_norm", "ffn_norm")}
        weights |= {f"blk.{layer}.{name}.bias": torch.randn(sizes[name][0]) for name in ("attn_q", "attn_k", "attn_v")}
    made = WriterNetwork({name: value.bfloat16() for name, value in weights.items()}, SHAPE, LORA)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith(".b"):
                parameter.normal_(std=0.1)
    return made


def states_of(network: WriterNetwork, *examples: TokenExample) -> list[Tensor]:
    """Return the last states of the prefix and of each example."""
    batch = pack(examples)
    states = network.upper(network.lower(batch.tokens, batch.packed), batch.packed)
    return list(states.split(list(batch.packed.lengths)))


def test_packed_examples_do_not_see_each_other(network: WriterNetwork) -> None:
    together = states_of(network, FIRST, SECOND)
    alone = [states_of(network, FIRST)[1], states_of(network, SECOND)[1]]
    for packed, single in zip(together[1:], alone, strict=True):
        torch.testing.assert_close(packed, single, rtol=0.05, atol=0.05)


def test_only_the_adapters_of_the_upper_layers_have_gradients(network: WriterNetwork) -> None:
    batch = pack([FIRST, SECOND])
    states = network.upper(network.lower(batch.tokens, batch.packed), batch.packed)
    network.loss(states[batch.predicting], batch.targets).backward()
    names = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert names == {f"layers.{layer}.linear.{m}.{f}" for layer in (1, 2) for m in ADAPTED for f in "ab"}


def test_the_loss_and_its_gradient_are_those_of_cross_entropy(network: WriterNetwork) -> None:
    targets = torch.tensor([3, 8, 20])
    states = torch.randn(3, 32).bfloat16()
    own, plain = states.clone().requires_grad_(), states.clone().requires_grad_()
    loss = network.loss(own, targets)
    loss.backward()
    expected = F.cross_entropy(network.logits(plain), targets)
    expected.backward()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-3)
    torch.testing.assert_close(own.grad, plain.grad, rtol=0.05, atol=0.01)


def test_only_the_tokens_of_replies_are_predicted() -> None:
    batch = pack([FIRST, SECOND])
    assert batch.targets.tolist() == [7, 8, 11, 12, 13]
    assert batch.tokens[batch.predicting].tolist() == [6, 7, 10, 11, 12]


def test_examples_of_two_kinds_are_not_packed_together() -> None:
    other = TokenExample(id="c", kind="closing", prefix=(1, 2), tokens=(3, 4), reply_start=1)
    with pytest.raises(ValueError, match="one system prompt"):
        pack([FIRST, other])


def test_every_tensor_of_the_adapter_has_a_name_in_llama_cpp(network: WriterNetwork) -> None:
    names = {gguf_name(name) for name, _ in network.named_parameters()}
    assert len(names) == 2 * len(ADAPTED) * 2
    assert "blk.1.attn_q.weight.lora_a" in names
    with pytest.raises(ValueError, match="no tensor of an adapter"):
        gguf_name("output.weight")
