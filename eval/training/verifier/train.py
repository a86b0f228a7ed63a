"""Train the packaged verifier: general entailment first, then a mixture, claims in free prose last. ::

    python -m eval.training.verifier.train --base BASE --data DATA --out work/run --tokens 6000000

The same command goes on after a stop from the last checkpoint in ``--out``. What happens at each step depends on the
options, the data and the count of tokens seen, not on the time. ``--out`` gets ``checkpoint.pt`` and
``weights.safetensors``, the trained parameters; both are written every ``--save-every`` steps and at the end.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import check_options, load_checkpoint, save_checkpoint
from ..parameters import load_parameters, save_parameters
from . import copies, counterfactual, prose, public, written
from .examples import Example
from .losses import LossWeights
from .packing import Packer, load_tokenizer
from .schedule import DEFAULT_STAGES, Schedule, parse_stages
from .stream import BatchStream
from .trainer import Trainer
from .weights import new_network
from .written import WRITTEN_PAIRS

ENTAILMENT, PROSE = "entailment", "prose"

FREE_OPTIONS = frozenset({"out", "save_every", "print_every", "device", "base", "data", "written", "start"})
"""Options that may differ when a run goes on: paths, and those that do not change what is learned."""

_AVERAGED = 0.97
"""Weight of the past in the averages that are printed."""


class Run:
    """A training run in a directory."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Prepare the run, and go on from its checkpoint if it has one.

        Raises:
            ValueError: the checkpoint was made with other options; a set, a stage or ``--start`` does not fit.
        """
        import torch

        self._options = options
        self._schedule = Schedule(
            rate=options.rate,
            warmup=options.warmup,
            decay=options.decay,
            stages=parse_stages(options.stages) if options.stages else DEFAULT_STAGES,
            seed=options.seed,
        )
        torch.manual_seed(options.seed)  # the new heads
        network = new_network(options.base, options.layers)
        self._start = {} if options.start is None else load_parameters(options.start)
        if self._start:
            fitted = network.load_state_dict(self._start, strict=False)
            if fitted.unexpected_keys:
                raise ValueError(f"{options.start}: the network has no {fitted.unexpected_keys[0]}")
        weights = LossWeights(ranking=options.ranking, tokens=options.token_weight)
        self._trainer = Trainer(network, weights, options.freeze, options.device)
        packer = Packer(
            tokenizer=load_tokenizer(options.base), max_evidence=options.max_evidence, max_claim=options.max_claim
        )
        readers = {ENTAILMENT: self._read_entailment, PROSE: self._read_prose}
        self._streams = {
            name: BatchStream(name, read, packer, options.batch_tokens, options.seed, options.variants)
            for name, read in readers.items()
        }
        self.step = 0
        self.tokens = 0
        self._averages: dict[str, float] = {}
        if self.checkpoint.exists():
            self._restore(load_checkpoint(self.checkpoint))

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's file."""
        return Path(self._options.out) / "checkpoint.pt"

    def _read_entailment(self, rng: random.Random) -> list[Example]:
        mixture = public.parse_mixture(self._options.mixture) or public.ENTAILMENT_MIXTURE
        return public.mixed_examples(self._options.data / "support", mixture, rng)

    def _read_prose(self, rng: random.Random) -> list[Example]:
        data, options = self._options.data, self._options
        examples = [
            *prose.training_examples(data / "prose", rng),
            *copies.copied_examples(prose.training_passages(data / "prose"), options.copies, rng),
            *written.training_examples(options.written, data / "sections"),
        ]
        if options.counterfactual:
            passages = {each.id: each for each in prose.training_passages(data / "prose")}
            units = prose.read_units(data / "prose")
            pairs = written.training_pairs(options.written, data / "sections")
            changed = [
                *counterfactual.all_exchanged(passages, units, pairs, rng),
                *counterfactual.all_reversed(passages, units, rng),
            ]
            examples += rng.sample(changed, round(options.counterfactual * len(changed)))
        return examples

    def steps(self) -> Iterator[dict[str, float]]:
        """Train up to the end, and yield the losses of each step, by source and name."""
        while (progress := self.tokens / self._options.tokens) < 1:
            name = ENTAILMENT if self._schedule.is_entailment(self.step, progress) else PROSE
            stream = self._streams[name]
            rate = self._schedule.learning_rate(self.step, progress)
            found = self._trainer.step(stream.next_batch(), rate, recurring=name == PROSE and stream.variants > 0)
            self.step += 1
            self.tokens += int(found.pop("size"))
            named = {f"{name} {part}": value for part, value in found.items()}
            for key, value in named.items():
                self._averages[key] = _AVERAGED * self._averages.get(key, value) + (1 - _AVERAGED) * value
            if self.step % self._options.save_every == 0:
                self.save()
            yield named
        self.save()

    def progress_line(self) -> str:
        """Return step, share of the tokens, learning rate and averages of the losses."""
        progress = self.tokens / self._options.tokens
        rate = self._schedule.learning_rate(self.step, progress)
        averages = "  ".join(f"{name} {value:.3f}" for name, value in sorted(self._averages.items()))
        return f"step {self.step}  {progress:.1%}  rate {rate:.1e}  {averages}"

    def save(self) -> None:
        """Write checkpoint and weights."""
        places = {name: list(stream.place) for name, stream in self._streams.items()}
        state = {
            "step": self.step,
            "tokens": self.tokens,
            "places": places,
            "averages": self._averages,
            "options": _fixed(self._options),
            "trainer": self._trainer.state(),
        }
        save_checkpoint(state, self.checkpoint)
        out = Path(self._options.out) / "weights.safetensors"
        parameters = {**self._start, **self._trainer.parameters()}
        save_parameters(parameters, out, self._options.layers)

    def _restore(self, state: Mapping[str, Any]) -> None:
        check_options(state["options"], _fixed(self._options), self.checkpoint)
        self.step, self.tokens, self._averages = state["step"], state["tokens"], dict(state["averages"])
        for name, (number, at) in state["places"].items():
            self._streams[name].move_to((number, at))
        self._trainer.restore(state["trainer"])


def _fixed(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name not in FREE_OPTIONS}


def arguments() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--data", type=Path, required=True, help="directory with prose, sections and support")
    parser.add_argument("--written", type=Path, default=WRITTEN_PAIRS, help="file of written pairs")
    parser.add_argument("--out", type=Path, required=True, help="directory of the run")
    parser.add_argument("--start", type=Path, help="trained parameters to start from, instead of the base's alone")
    parser.add_argument("--tokens", type=int, required=True, help="tokens to see in all, padding included")
    parser.add_argument("--batch-tokens", type=int, default=3200, help="tokens of a batch, padding included")
    parser.add_argument("--layers", type=int, help="layers of the base that are kept; all by default")
    parser.add_argument("--freeze", type=int, default=3, help="lowest layers that stay as they are at the start")
    parser.add_argument(
        "--variants", type=int, default=0, help="passes that differ; what frozen layers make of their prose is kept"
    )
    parser.add_argument("--rate", type=float, default=5e-5, help="highest learning rate")
    parser.add_argument("--warmup", type=int, default=40, help="steps in which the learning rate rises")
    parser.add_argument("--decay", type=float, default=0.6, help="share of the tokens from which it falls")
    parser.add_argument(
        "--stages", nargs="*", default=[], metavar="UNTIL:ENTAILMENT", help="0.15:1 0.5:0.3 1:0.1 by default"
    )
    parser.add_argument("--mixture", nargs="*", default=[], metavar="SET:CLAIMS", help="public sets and claims a pass")
    parser.add_argument("--ranking", type=float, default=1.0, help="weight of the ranking loss of twins")
    parser.add_argument("--token-weight", type=float, default=0.3, help="weight of the loss of tokens")
    parser.add_argument(
        "--copies", type=float, default=0.35, help="share of the passages of which sentences are claims"
    )
    parser.add_argument(
        "--counterfactual", type=float, default=0.0, help="share of the examples with changed evidence that is taken"
    )
    parser.add_argument("--max-evidence", type=int, default=384, help="tokens of the evidence")
    parser.add_argument("--max-claim", type=int, default=96, help="tokens of a claim")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--print-every", type=int, default=20, help="steps between lines")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, …")
    return parser


def main() -> None:
    """Train, and print a line every ``--print-every`` steps."""
    options = arguments().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    run = Run(options)
    first, started = run.tokens, time.monotonic()
    for _ in run.steps():
        if run.step % options.print_every == 0:
            speed = (run.tokens - first) / (time.monotonic() - started)
            print(f"{run.progress_line()}  {speed:.0f} tokens/s", flush=True)
    print(run.progress_line())


if __name__ == "__main__":
    main()
