"""Train the writer's adapter. ::

    python -m eval.training.writer.train --model MODEL.gguf --passages DATA/prose/passages.jsonl --out work/writer \\
        --tokens 900000 DATA/sections/sections.jsonl DATA/sections/summaries.jsonl MORE.jsonl …

The same command goes on after a stop from the last checkpoint in ``--out``. The sources are read again every
``--read-every`` tokens, so that examples can be added during the run. A run that goes on with fewer ``--tokens`` ends
sooner: the rate falls over the last part of whatever the total is. ``--out`` gets ``checkpoint.pt``,
``adapter.safetensors`` and a line of ``log.jsonl`` a step.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..checkpoint import load_checkpoint, save_checkpoint
from ..parameters import save_parameters
from .base import read_shape, read_tokeniser, read_weights
from .examples import Kind, read_examples
from .network import LoraShape, WriterNetwork
from .tokens import TokenExample, encode, pack

LARGEST_GRADIENT = 1.0
"""Norm to which the gradient is clipped."""

SEEN_PENALTY = 4
"""An example that was seen n times is drawn with the weight (1 + n) ** -SEEN_PENALTY."""

CHECKED: dict[Kind, int] = {"section": 10, "closing": 3}
"""Held-out examples of each kind on which the loss is watched."""


class ExampleStream:
    """Draws batches of one kind; examples that were seen less are drawn sooner."""

    def __init__(self, seed: int, batch_tokens: int) -> None:
        self._random = random.Random(seed)
        self._batch_tokens = batch_tokens
        self.seen: Counter[str] = Counter()
        self._examples: list[TokenExample] = []

    def replace(self, examples: Sequence[TokenExample]) -> None:
        """Draw from ``examples`` from now on."""
        self._examples = list(examples)

    def batch(self) -> list[TokenExample]:
        """Return the next examples, of one kind, with at most the batch's tokens but at least one."""
        kind = self._random.choices(self._examples, self._weights(self._examples))[0].kind
        left = [example for example in self._examples if example.kind == kind]
        drawn: list[TokenExample] = []
        size = 0
        while left:
            (example,) = self._random.choices(left, self._weights(left))
            size += len(example.tokens)
            if drawn and size > self._batch_tokens:
                break
            left.remove(example)
            drawn.append(example)
        self.seen.update(example.id for example in drawn)
        return drawn

    def _weights(self, examples: Sequence[TokenExample]) -> list[float]:
        return [(1 + self.seen[example.id]) ** -SEEN_PENALTY for example in examples]


class LowerStates:
    """The states below the adapters, which training does not change: computed once an example and kept on disk."""

    def __init__(self, network: WriterNetwork, directory: Path) -> None:
        self._network = network
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._prefixes: dict[tuple[int, ...], torch.Tensor] = {}

    def of(self, examples: Sequence[TokenExample]) -> torch.Tensor:
        """Return the states of the prefix and of ``examples``, as :func:`.tokens.pack` puts them together."""
        prefix = examples[0].prefix
        missing = [example for example in examples if not self._path(example).exists()]
        if missing or prefix not in self._prefixes:
            batch = pack(missing or examples[:1])
            parts = self._network.lower(batch.tokens, batch.packed).split(list(batch.packed.lengths))
            self._prefixes[prefix] = parts[0].clone()
            for example, states in zip(missing, parts[1:], strict=False):
                torch.save(states.clone(), self._path(example))
        return torch.cat([self._prefixes[prefix], *(torch.load(self._path(example)) for example in examples)])

    def _path(self, example: TokenExample) -> Path:
        return self._directory / f"{example.digest}.pt"


def learning_rate(progress: float, *, peak: float, warmup: float, decay: float) -> float:
    """Return the rate after the share ``progress`` of the tokens: linear up, constant, linear down to 0."""
    return peak * max(0.0, min(1.0, progress / warmup, (1 - progress) / decay))


class WriterRun:
    """A training run in a directory."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Prepare the run, and go on from its checkpoint if it has one."""
        self._options = options
        out: Path = options.out
        out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(options.seed)
        shape = read_shape(options.model)
        lora = LoraShape(first_layer=options.first_layer, rank=options.rank, alpha=options.alpha)
        self._network = WriterNetwork(read_weights(options.model, out / "base.safetensors"), shape, lora)
        self._trained = dict(self._network.named_parameters())
        self._optimiser = torch.optim.AdamW(self._trained.values(), weight_decay=0.0, fused=True)
        self._tokeniser = read_tokeniser(options.model, out)
        self._lower = LowerStates(self._network, out / "states")
        self._stream = ExampleStream(options.seed, options.batch_tokens)
        self._tokens = self._steps = 0
        self._read_sources()
        if (out / "checkpoint.pt").exists():
            self._restore(load_checkpoint(out / "checkpoint.pt"))

    def run(self) -> None:
        """Train until the tokens are used up."""
        options = self._options
        saved, read = time.monotonic(), self._tokens
        while self._tokens < options.tokens:
            if self._tokens - read >= options.read_every:
                self._read_sources()
                read = self._tokens
            self._step()
            if time.monotonic() - saved >= options.save_seconds:
                self._save()
                saved = time.monotonic()
        self._save()

    def _step(self) -> None:
        started = time.monotonic()
        examples = self._stream.batch()
        batch = pack(examples)
        states = self._network.upper(self._lower.of(examples), batch.packed)
        loss = self._network.loss(states[batch.predicting], batch.targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._trained.values(), LARGEST_GRADIENT)
        options = self._options
        rate = learning_rate(
            self._tokens / options.tokens, peak=options.rate, warmup=options.warmup, decay=options.decay
        )
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._tokens += len(batch.tokens)
        self._steps += 1
        seconds = time.monotonic() - started
        self._log(
            step=self._steps,
            tokens=self._tokens,
            kind=examples[0].kind,
            examples=len(examples),
            loss=float(loss.detach()),
            norm=float(norm),
            rate=rate,
            per_second=len(batch.tokens) / seconds,
        )

    def _read_sources(self) -> None:
        examples = read_examples(self._options.sources, self._options.passages)
        tokenised = [(encode(example, self._tokeniser), example.held_out) for example in examples]
        used = [example for example, held_out in tokenised if not held_out]
        self._stream.replace(used)
        self._checked: dict[Kind, list[TokenExample]] = {
            kind: [example for example, held_out in tokenised if held_out and example.kind == kind][: CHECKED[kind]]
            for kind in ("section", "closing")
        }
        self._log(examples=len(used), source_tokens=sum(len(example.tokens) for example in used))

    def _save(self) -> None:
        out: Path = self._options.out
        save_checkpoint(
            {
                "adapter": self._adapter(),
                "optimiser": self._optimiser.state_dict(),
                "seen": dict(self._stream.seen),
                "tokens": self._tokens,
                "steps": self._steps,
            },
            out / "checkpoint.pt",
        )
        save_parameters(self._adapter(), out / "adapter.safetensors")
        self._log(tokens=self._tokens, **{f"held_out_{kind}": self._held_out_loss(kind) for kind in CHECKED})

    @torch.no_grad()
    def _held_out_loss(self, kind: Kind) -> float:
        """Return the mean loss on a few held-out examples of ``kind``."""
        losses = []
        for example in self._checked[kind]:
            batch = pack([example])
            states = self._network.upper(self._lower.of([example]), batch.packed)
            losses.append(float(self._network.loss(states[batch.predicting], batch.targets)))
        return sum(losses) / len(losses) if losses else float("nan")

    def _adapter(self) -> dict[str, torch.Tensor]:
        return {name: parameter.detach() for name, parameter in self._trained.items()}

    def _restore(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for name, value in state["adapter"].items():
                self._trained[name].copy_(value)
        self._optimiser.load_state_dict(state["optimiser"])
        self._stream.seen.update(state["seen"])
        self._tokens, self._steps = state["tokens"], state["steps"]

    def _log(self, **values: Any) -> None:
        rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in values.items()}
        with (self._options.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path, nargs="+", help="JSONL files of sections and of summaries")
    parser.add_argument("--model", type=Path, required=True, help="the packaged model's GGUF file")
    parser.add_argument("--passages", type=Path, help="passages that evidence refers to by id")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, required=True, help="tokens to train on in all")
    parser.add_argument("--batch-tokens", type=int, default=1800, help="tokens of a step, without the system prompt")
    parser.add_argument("--first-layer", type=int, default=14, help="lowest layer with adapters")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=float, default=32.0)
    parser.add_argument("--rate", type=float, default=3e-4, help="highest learning rate")
    parser.add_argument("--warmup", type=float, default=0.03, help="share of the tokens over which the rate rises")
    parser.add_argument("--decay", type=float, default=0.4, help="share of the tokens over which the rate falls")
    parser.add_argument("--read-every", type=int, default=60_000, help="tokens between readings of the sources")
    parser.add_argument("--save-seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    WriterRun(parser.parse_args()).run()


if __name__ == "__main__":
    main()
