"""Make the calibration of the packaged encoder in int8: the ranges of inputs, and corrections of biases.

    python -m eval.training.encoder.calibrate STORE… [--chunks 20] [--correcting 60]

The texts are chunks of the stores, as many of each, drawn at random. See :mod:`rag.embedding.minilm_int8`.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rag.embedding import count_tokens, load_embedder
from rag.embedding.minilm_encoder import MiniLMEncoder
from rag.embedding.minilm_int8 import CALIBRATION, Int8Linear, wide_columns
from rag.embedding.minilm_network import MiniLMNetwork
from rag.ingest import embedding_text
from rag.store import Index

if TYPE_CHECKING:
    from torch import Tensor

    from rag.embedding.minilm_network import Linear


def main() -> None:
    """Write the calibration to where the encoder reads it."""
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="STORE")
    parser.add_argument("--chunks", type=int, default=20, help="chunks of each store")
    parser.add_argument("--correcting", type=int, default=60, help="of all these, those that biases are corrected on")
    parser.add_argument("--out", type=Path, default=CALIBRATION)
    args = parser.parse_args()
    texts = sorted({text for store in args.stores for text in _draw(store, args.chunks)})
    random.Random(2).shuffle(texts)
    save_file(calibrate(texts, args.correcting), args.out)


def calibrate(texts: Sequence[str], correcting: int) -> dict[str, Tensor]:
    """Return ranges by input and corrections by output of each linear layer, in float16.

    The layers are corrected in their order, each on the inputs that it gets after the correction of those before it.
    """
    ranges = _Recorder()
    _encode(texts, ranges.network())
    found = {f"{name}.low": low.half() for name, low in ranges.low.items()}
    found |= {f"{name}.high": high.half() for name, high in ranges.high.items()}
    exact = _Recorder()
    _encode(texts[:correcting], exact.network())
    layers: dict[str, Int8Linear] = {}

    def rounded(name: str, weight: Tensor, bias: Tensor) -> Linear:
        layers[name] = Int8Linear(
            weight,
            bias,
            found[f"{name}.low"].float(),
            found[f"{name}.high"].float(),
            torch.zeros_like(bias),
            wide_columns=wide_columns(name),
        )
        return layers[name]

    recorder = _Recorder(rounded)
    network = recorder.network()
    for name in list(layers):
        recorder.clear()
        _encode(texts[:correcting], network)
        correction = (exact.mean_output(name) - recorder.mean_output(name)).half()
        layers[name].correct(correction.float())
        found[f"{name}.correction"] = correction
    return found


class _Recorder:
    """Ranges of inputs and means of outputs of the linear layers that ``make`` makes, by default exact ones.

    Padding is left out.
    """

    def __init__(self, make: Callable[[str, Tensor, Tensor], Linear] | None = None) -> None:
        self._make = make
        self._kept: Tensor = torch.zeros(0, dtype=torch.bool)
        self.clear()

    def clear(self) -> None:
        self.low: dict[str, Tensor] = {}
        self.high: dict[str, Tensor] = {}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def mean_output(self, name: str) -> Tensor:
        return self._sums[name] / self._counts[name]

    def network(self) -> MiniLMNetwork:
        """Load a network whose layers are recorded here. Query, key and value are one layer in it, as in int8."""
        recorder = self

        class Recorded(MiniLMNetwork):
            def states(self, ids: Tensor, mask: Tensor, types: Tensor | None = None) -> list[Tensor]:
                recorder._kept = mask.bool().flatten()
                return super().states(ids, mask, types)

            def _linear(self, name: str, weight: Tensor, bias: Tensor) -> Linear:
                made = recorder._make(name, weight, bias) if recorder._make else super()._linear(name, weight, bias)
                return lambda states: recorder._record(name, states, made(states))

        return Recorded.load("int8")

    def _record(self, name: str, states: Tensor, outputs: Tensor) -> Tensor:
        inputs = states.flatten(0, 1)[self._kept]
        low, high = inputs.amin(0), inputs.amax(0)
        self.low[name] = torch.minimum(self.low.get(name, low), low)
        self.high[name] = torch.maximum(self.high.get(name, high), high)
        self._sums[name] = self._sums.get(name, torch.zeros(())) + outputs.flatten(0, 1)[self._kept].sum(0)
        self._counts[name] = self._counts.get(name, 0) + len(inputs)
        return outputs


def _encode(texts: Sequence[str], network: MiniLMNetwork) -> None:
    MiniLMEncoder(network=network).vectors(texts)  # a new one each time, since an encoder caches vectors


def _draw(store: str, number: int) -> list[str]:
    index = Index.open(store, load_embedder("minilm"))
    try:
        records = sorted(index.catalogue.records())
        random.Random(1).shuffle(records)
        chunks = index.catalogue.chunks_by_record(records[:number])
        return [embedding_text(chunk, count_tokens) for chunk in chunks.values()]
    finally:
        index.close()


if __name__ == "__main__":
    main()
