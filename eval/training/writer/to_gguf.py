"""Write a trained adapter as the GGUF file that llama.cpp loads beside the model. ::

    python -m eval.training.writer.to_gguf --adapter work/writer/adapter.safetensors --alpha 32 \\
        --out rag/llm/writer_adapter/adapter.gguf
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..parameters import load_parameters

if TYPE_CHECKING:
    from torch import Tensor

_NAME = re.compile(r"layers\.(?P<layer>\d+)\.linear\.(?P<matrix>\w+)\.(?P<factor>[ab])")


def gguf_name(name: str) -> str:
    """Return llama.cpp's name of a tensor of :class:`.network.WriterNetwork`.

    Raises:
        ValueError: it is no tensor of an adapter.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name} is no tensor of an adapter")
    return f"blk.{match['layer']}.{match['matrix']}.weight.lora_{match['factor']}"


def write_adapter(tensors: Mapping[str, Tensor], alpha: float, path: Path) -> None:
    """Write ``tensors`` in float16. Queries and keys keep their order: Qwen2 rotates halves, in both formats."""
    import torch
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "qwen2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    writer.add_name("citebrief writer")
    writer.add_license("apache-2.0")
    for name, tensor in tensors.items():
        writer.add_tensor(gguf_name(name), tensor.to(torch.float16).contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--alpha", type=float, required=True, help="as it was trained")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write_adapter(load_parameters(options.adapter), options.alpha, options.out)


if __name__ == "__main__":
    main()
