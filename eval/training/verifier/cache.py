"""Encode each text of the examples once, and read the encodings back.

The encoder is frozen, so that training does not have to run it. Texts are encoded in shards of similar length. Each
shard is written completely; an interrupted run resumes with the missing shards.

    python -m eval.training.verifier.cache --examples examples.jsonl --out cache/
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from rag.embedding.tokens import Encoded, TokenEncoder

SHARD_TEXTS = 2000


class Cache:
    """Encodings by text. Vectors are float16 on disk (memory-mapped) and become float32 when read."""

    def __init__(self, directory: Path) -> None:
        self.where: dict[str, tuple[int, int, int]] = {}
        self.shards = []
        for s, path in enumerate(sorted(directory.glob("*.texts.json"))):
            texts, sizes = json.loads(path.read_text())
            stem = str(path)[: -len(".texts.json")]
            self.shards.append(
                tuple(np.load(f"{stem}.{part}.npy", mmap_mode="r") for part in ("tokens", "low", "high"))
            )
            ends = np.cumsum(sizes)
            for text, end, size in zip(texts, ends, sizes, strict=True):
                self.where[text] = (s, int(end - size), int(end))

    def __getitem__(self, text: str) -> Encoded:
        shard, start, end = self.where[text]
        tokens, low, high = self.shards[shard]
        ids, starts, ends, sentence = np.array(tokens[start:end]).T
        return Encoded(
            text=text, ids=ids, starts=starts, ends=ends, sentence=sentence,
            low=low[start:end].astype(np.float32), high=high[start:end].astype(np.float32),
        )  # fmt: skip


def main() -> None:
    """Encode the texts that are not in the cache yet."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    # Texts of the labelled pairs come first, so that the next step can start on them.
    texts: dict[str, bool] = {}
    with args.examples.open() as lines:
        for line in lines:
            row = json.loads(line)
            for text in (row["claim"], *row["passages"]):
                texts[text] = texts.get(text, True) and row["kind"] != "given"
    for path in args.out.glob("*.texts.json"):
        for text in json.loads(path.read_text())[0]:
            texts.pop(text, None)
    todo = sorted(texts, key=lambda text: (texts[text], len(text), text))
    encoder = TokenEncoder.load()
    first = len(list(args.out.glob("*.texts.json")))
    began = time.time()
    tokens = 0
    for n, start in enumerate(range(0, len(todo), SHARD_TEXTS)):
        part = todo[start : start + SHARD_TEXTS]
        # bfloat16 nearly doubles the speed and moves a cosine by less than 0.005.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = encoder.encode(part)
        stem = str(args.out / f"{first + n:04d}")
        np.save(
            f"{stem}.tokens.npy", np.concatenate([np.stack([e.ids, e.starts, e.ends, e.sentence], 1) for e in found])
        )
        np.save(f"{stem}.low.npy", np.concatenate([e.low for e in found]).astype(np.float16))
        np.save(f"{stem}.high.npy", np.concatenate([e.high for e in found]).astype(np.float16))
        Path(f"{stem}.texts.json").write_text(json.dumps([part, [len(e.ids) for e in found]]))
        tokens += sum(len(e.ids) for e in found)
        print(
            f"{start + len(part)}/{len(todo)} texts, {tokens} tokens, {tokens / (time.time() - began):.0f} tokens/s",
            flush=True,
        )


if __name__ == "__main__":
    main()
