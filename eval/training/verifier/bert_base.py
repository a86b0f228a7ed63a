"""Write a BERT model, such as all-MiniLM-L6-v2, as a base for the training: in MPNet's form, with the same outputs. ::

    python -m eval.training.verifier.bert_base --bert DIRECTORY --out work/minilm

A layer of MPNet is a layer of BERT with a bias by distance, which is 0 here. BERT's special tokens take the ids of
MPNet's in the table of word embeddings, where BERT has words that are never used; the embedding of the first token type
is added to that of each position. So one network and one training serve the bases that are compared.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_LAYER_NAMES = (
    ("attention.self.query", "attention.attn.q"),
    ("attention.self.key", "attention.attn.k"),
    ("attention.self.value", "attention.attn.v"),
    ("attention.output.dense", "attention.attn.o"),
    ("attention.output.LayerNorm", "attention.LayerNorm"),
)
_SPECIAL_TOKENS = ("[CLS]", "[PAD]", "[SEP]")
"""In the order of :data:`rag.verify.support.network.BOS`, ``PAD`` and ``EOS``, whose ids are 0, 1 and 2."""


def mpnet_parameters(bert: dict[str, Tensor], special_ids: Sequence[int]) -> dict[str, Tensor]:
    """Return the parameters of BERT by the names that they have in MPNet.

    Args:
        bert: parameters of a ``BertModel``.
        special_ids: ids of BERT's tokens that open a text, pad, and close a text.
    """
    import torch

    words = bert["embeddings.word_embeddings.weight"].clone()
    words[: len(special_ids)] = bert["embeddings.word_embeddings.weight"][list(special_ids)]
    positions = bert["embeddings.position_embeddings.weight"] + bert["embeddings.token_type_embeddings.weight"][0]
    offset = torch.zeros(2, positions.shape[1])  # MPNet's positions begin at 2
    found = {
        "embeddings.word_embeddings.weight": words,
        "embeddings.position_embeddings.weight": torch.cat([offset, positions]),
    }
    for name, value in bert.items():
        if name.startswith("encoder.") or name.startswith("embeddings.LayerNorm"):
            found[_name(name)] = value
    return found


def _name(bert: str) -> str:
    for theirs, ours in _LAYER_NAMES:
        bert = bert.replace(theirs, ours)
    return bert


def write_base(bert: Path, out: Path) -> None:
    """Write the base to the directory ``out`` from that of a BERT model, with its tokenizer."""
    import torch
    from safetensors.torch import load_file, save_file
    from tokenizers import Tokenizer

    config = json.loads((bert / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(bert / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab()
    parameters = mpnet_parameters(
        load_file(bert / "model.safetensors"), [vocabulary[token] for token in _SPECIAL_TOKENS]
    )
    buckets, heads = 32, config["num_attention_heads"]
    parameters["encoder.relative_attention_bias.weight"] = torch.zeros(buckets, heads)
    sizes = ("hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads", "vocab_size")
    own = {name: config[name] for name in sizes} | {
        "model_type": "mpnet",
        "layer_norm_eps": config["layer_norm_eps"],
        "max_position_embeddings": config["max_position_embeddings"] + 2,
        "relative_attention_num_buckets": buckets,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(own, indent=1), encoding="utf-8")
    save_file({name: value.contiguous() for name, value in parameters.items()}, out / "model.safetensors")
    shutil.copyfile(bert / "tokenizer.json", out / "tokenizer.json")


def main() -> None:
    """Write the base."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bert", type=Path, required=True, help="directory of the BERT model")
    parser.add_argument("--out", type=Path, required=True, help="directory to write")
    options = parser.parse_args()
    write_base(options.bert, options.out)


if __name__ == "__main__":
    main()
