"""The packaged encoder with linear layers in int8, for processors that do not multiply bf16.

Weights are rounded to 7 bits with a scale by row, inputs to 8 bits with a fixed range by column: the range that the
column had on calibration texts. Three things keep the vectors near those in fp32:

- Ranges are evened out between inputs and weights (SmoothQuant, arXiv:2211.10438).
- The columns with the widest ranges, few of which set the step of all others, are multiplied in fp32 (as in LLM.int8(),
  arXiv:2208.07339, but always the same columns).
- The mean error of each output on the calibration texts is taken off its bias (arXiv:1906.04721). Without it the errors
  of a text's tokens have the same sign and add up in its vector, which loses ten times as much.

Ranges do not depend on the other texts of a batch, which change a vector by rounding only. Products with 8-bit weights
would overflow the 16-bit sums of processors without VNNI; with 7 bits the integer products are exact on all.

The ranges and corrections are in ``int8/calibration.safetensors``, which ``eval.training.encoder.calibrate`` makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.embedding.minilm_network import MiniLMNetwork

if TYPE_CHECKING:
    from torch import Tensor

    from rag.embedding.minilm_network import Linear

CALIBRATION = Path(__file__).parent / "int8" / "calibration.safetensors"

WEIGHT_LEVELS = 64
"""Weights are rounded to integers from -64 to 64: two products with inputs of at most 255 then fit into 16 bits."""

SMOOTHING = 0.8
"""Share of the differences between columns that the weights take on."""

WIDE_COLUMNS = 64
"""Columns that are multiplied in fp32, of the layer after the activation. The other layers need none."""

ROWS = 1024
"""The rows for which oneDNN lays out the weights; others are multiplied too."""


class Int8Linear:
    """A linear layer that is multiplied in int8.

    Args:
        weight: outputs × inputs.
        bias: by output.
        low, high: the range of each input.
        correction: is added to the bias.
        wide_columns: the inputs of widest range that are multiplied in fp32.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, low: Tensor, high: Tensor, correction: Tensor, *, wide_columns: int = 0
    ) -> None:
        import torch

        weight, bias = weight.float(), bias.float()
        middle, half = (low + high) / 2, ((high - low) / 2).clamp_min(1e-4)
        self._wide = half.topk(wide_columns).indices.sort().values
        self._wide_weight = weight[:, self._wide].t().contiguous()
        is_wide = torch.zeros_like(half, dtype=torch.bool).index_fill(0, self._wide, True)
        weight = weight.masked_fill(is_wide, 0.0)

        step = half**SMOOTHING / weight.abs().amax(0).clamp_min(1e-5) ** (1 - SMOOTHING)
        step = step * (half / step).masked_fill(is_wide, 0.0).amax() / 127
        scaled = weight * step
        self._scale = scaled.abs().amax(1).clamp_min(1e-9) / WEIGHT_LEVELS
        rounded = (scaled / self._scale[:, None]).round()
        self._factor = (1 / step).masked_fill(is_wide, 0.0)
        self._offset = (128.5 - middle / step).masked_fill(is_wide, 128.5)  # .5, because the conversion truncates
        self._bias = bias + weight @ middle - 128 * rounded.sum(1) * self._scale + correction
        self._zeros = torch.zeros(len(bias), dtype=torch.long)
        self._packed = torch.ops.onednn.qlinear_prepack(rounded.to(torch.int8), [ROWS, weight.shape[1]])

    def correct(self, difference: Tensor) -> None:
        """Add ``difference`` to the bias."""
        self._bias = self._bias + difference

    def __call__(self, states: Tensor) -> Tensor:
        """Map (…, inputs) to (…, outputs), both float32."""
        import torch

        rows = states.reshape(-1, states.shape[-1])
        quantised = torch.addcmul(self._offset, rows, self._factor).clamp_(0, 255).to(torch.uint8)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            quantised, 1.0, 0, self._packed, self._scale, self._zeros, self._bias, 1.0, 0, torch.float32, "none", [], ""
        )
        if len(self._wide):
            product = product.addmm_(rows.index_select(1, self._wide), self._wide_weight)
        return product.view(*states.shape[:-1], -1)


class Int8Network(MiniLMNetwork):
    """The network with linear layers in int8 and all else in fp32."""

    def _linear(self, name: str, weight: Tensor, bias: Tensor) -> Linear:
        low, high, correction = (_calibration()[f"{name}.{part}"].float() for part in ("low", "high", "correction"))
        return Int8Linear(weight, bias, low, high, correction, wide_columns=wide_columns(name))


def wide_columns(name: str) -> int:
    """Return how many columns of the layer ``name`` are multiplied in fp32."""
    return WIDE_COLUMNS if name.endswith("output.dense") and "attention" not in name else 0


@lru_cache(maxsize=1)
def _calibration() -> Mapping[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(CALIBRATION)
