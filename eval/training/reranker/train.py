"""Train the packaged reranker on mined queries. ::

    python -m eval.training.reranker.train --base BASE --mined work/reranker --out work/run --tokens 10000000

The same command goes on after a stop from the last checkpoint in ``--out``. What happens at each step depends on the
options, the data and the count of tokens seen, not on the time. ``--out`` gets ``checkpoint.pt`` and
``weights.safetensors``, the trained parameters; both are written every ``--save-every`` steps and at the end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import check_options, load_checkpoint, save_checkpoint
from ..parameters import load_parameters, save_parameters
from ..verifier.public import parse_mixture
from ..verifier.schedule import Schedule
from .collection import TRAIN
from .groups import Group, GroupStream
from .mined import MinedQuery, mined_names, read_mined
from .tokens import CollectionTokens, Tokeniser
from .trainer import RerankTrainer
from .weights import new_network, start_parameters

DEFAULT_MIXTURE: Mapping[str, int] = {
    "scifact": 1300, "questions": 1900, "claims": 900, "squad": 600, "covidqa": 400, "pubmedqa": 500, "medquad": 400,
}  # fmt: skip
"""Queries of each collection in a pass, as far as it is there; SciFact's come twice."""

FREE_OPTIONS = frozenset({"out", "save_every", "print_every", "device", "base", "mined", "start"})
"""Options that may differ when a run goes on: paths, and those that do not change what is learned."""

_AVERAGED = 0.97
"""Weight of the past in the averages that are printed."""


class RerankRun:
    """A training run in a directory."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Prepare the run, and go on from its checkpoint if it has one.

        Raises:
            ValueError: the checkpoint was made with other options; a collection is missing or ``--start`` does not fit.
        """
        import torch

        self._options = options
        self._schedule = Schedule(rate=options.rate, warmup=options.warmup, decay=options.decay)
        torch.manual_seed(options.seed)  # the new head
        network = new_network(options.base, options.layers)
        self._start = {} if options.start is None else load_parameters(options.start)
        if self._start:
            start_parameters(network, self._start, options.start)
        tokeniser = Tokeniser(options.base, options.mined)
        names = mined_names(options.mined)
        mixture = parse_mixture(options.mixture) or {
            name: count for name, count in DEFAULT_MIXTURE.items() if name in names
        }
        self._tokens: dict[str, CollectionTokens] = {}
        queries: dict[str, list[MinedQuery]] = {}
        for name in sorted(set(mixture) & set(names)):
            mined = read_mined(options.mined, name)
            self._tokens[name] = tokeniser.tokens(mined)
            queries[name] = [query for query in mined.queries if query.split == TRAIN]
        self._stream = GroupStream(
            queries, mixture, negatives=options.negatives, batch=options.groups, seed=options.seed
        )
        self._trainer = RerankTrainer(
            network,
            tokeniser.form,
            frozen=options.freeze,
            relevance_weight=options.relevance_weight,
            forward_tokens=options.forward_tokens,
            device=options.device,
        )
        self.step = 0
        self.tokens = 0
        self._averages: dict[str, float] = {}
        if self.checkpoint.exists():
            self._restore(load_checkpoint(self.checkpoint))

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's file."""
        return Path(self._options.out) / "checkpoint.pt"

    def steps(self) -> Iterator[dict[str, float]]:
        """Train up to the end, and yield the losses of each step by name."""
        while (progress := self.tokens / self._options.tokens) < 1:
            groups = self._stream.next_batch()
            pairs = [[self._tokens_of(group).pair(group.query, id_) for id_ in group.passages] for group in groups]
            rate = self._schedule.learning_rate(self.step, progress)
            found = self._trainer.step(pairs, [group.label for group in groups], rate)
            self.step += 1
            self.tokens += int(found.pop("size"))
            for key, value in found.items():
                self._averages[key] = _AVERAGED * self._averages.get(key, value) + (1 - _AVERAGED) * value
            if self.step % self._options.save_every == 0:
                self.save()
            yield found
        self.save()

    def _tokens_of(self, group: Group) -> CollectionTokens:
        return self._tokens[group.query.collection]

    def progress_line(self) -> str:
        """Return step, share of the tokens, learning rate, pass and averages of the losses."""
        progress = self.tokens / self._options.tokens
        rate = self._schedule.learning_rate(self.step, progress)
        averages = "  ".join(f"{name} {value:.3f}" for name, value in sorted(self._averages.items()))
        return f"step {self.step}  {progress:.1%}  pass {self._stream.place[0] + 1}  rate {rate:.1e}  {averages}"

    def save(self) -> None:
        """Write checkpoint and weights."""
        state = {
            "step": self.step,
            "tokens": self.tokens,
            "place": list(self._stream.place),
            "averages": self._averages,
            "options": _fixed(self._options),
            "trainer": self._trainer.state(),
        }
        save_checkpoint(state, self.checkpoint)
        parameters = {**self._start, **self._trainer.parameters()}
        out = Path(self._options.out) / "weights.safetensors"
        save_parameters(parameters, out, self._options.layers)

    def _restore(self, state: Mapping[str, Any]) -> None:
        check_options(state["options"], _fixed(self._options), self.checkpoint)
        self.step, self.tokens, self._averages = state["step"], state["tokens"], dict(state["averages"])
        number, at = state["place"]
        self._stream.move_to((number, at))
        self._trainer.restore(state["trainer"])


def _fixed(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name not in FREE_OPTIONS}


def arguments() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--mined", type=Path, required=True, help="directory that prepare has written")
    parser.add_argument("--out", type=Path, required=True, help="directory of the run")
    parser.add_argument("--start", type=Path, help="trained parameters to start from, instead of the base's alone")
    parser.add_argument("--tokens", type=int, required=True, help="tokens to see in all, without padding")
    parser.add_argument("--groups", type=int, default=8, help="queries of a batch")
    parser.add_argument("--negatives", type=int, default=7, help="passages of a query that do not answer it")
    parser.add_argument("--forward-tokens", type=int, default=3000, help="tokens that go through the network at a time")
    parser.add_argument("--layers", type=int, help="layers of the base that are kept; all by default")
    parser.add_argument("--freeze", type=int, default=0, help="lowest layers that stay as in the base")
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
    parser.add_argument("--warmup", type=int, default=60, help="steps in which the learning rate rises")
    parser.add_argument("--decay", type=float, default=0.3, help="share of the tokens from which it falls")
    parser.add_argument(
        "--mixture", nargs="*", default=[], metavar="NAME:QUERIES", help="collections and queries a pass"
    )
    parser.add_argument("--relevance-weight", type=float, default=0.3, help="weight of the loss of relevance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=50, help="steps between checkpoints")
    parser.add_argument("--print-every", type=int, default=10, help="steps between lines")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, …")
    return parser


def main() -> None:
    """Train, and print a line every ``--print-every`` steps."""
    options = arguments().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    run = RerankRun(options)
    first, started = run.tokens, time.monotonic()
    for _ in run.steps():
        if run.step % options.print_every == 0:
            speed = (run.tokens - first) / (time.monotonic() - started)
            print(f"{run.progress_line()}  {speed:.0f} tokens/s", flush=True)
    print(run.progress_line())


if __name__ == "__main__":
    main()
