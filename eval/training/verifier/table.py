"""Compute the table of features (``table.npz``) and the word weights (``idf.npy``) from examples and encodings.

python -m eval.training.verifier.table --examples examples.jsonl --cache cache/ --out work/
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from rag.embedding import minilm_directory
from rag.embedding.tokens import join
from rag.verify.support.facts import STOP_WORDS
from rag.verify.support.features import NAMES, features, relevant

from .cache import Cache


def word_weights(cache: Cache, texts: list[str]) -> np.ndarray:
    """Return the inverse document frequency of each word piece, scaled to 0.15…1; 0 for stop words and punctuation."""
    vocabulary = Tokenizer.from_file(str(minilm_directory() / "tokenizer.json")).get_vocab()
    seen = np.zeros(len(vocabulary))
    for text in texts:
        shard, start, end = cache.where[text]
        seen[np.unique(cache.shards[shard][0][start:end, 0])] += 1
    weights = np.clip(np.log((len(texts) + 1) / (seen + 1)) / np.log(len(texts) + 1), 0.15, 1).astype(np.float32)
    for piece, i in vocabulary.items():
        if piece in STOP_WORDS or not any(c.isalnum() for c in piece):
            weights[i] = 0
    return weights


def texts_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the texts on which the features of an example depend."""
    return (row["claim"], *row["passages"])


def main() -> None:
    """Write the table; examples whose texts are not encoded yet are left out and counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reuse", type=Path, help="an earlier table with the same features and examples file")
    args = parser.parse_args()
    cache = Cache(args.cache)
    rows = [json.loads(line) for line in args.examples.read_text().splitlines()]
    ready = [i for i, r in enumerate(rows) if all(text in cache.where for text in (r["claim"], *r["passages"]))]
    print(f"{len(ready)} of {len(rows)} examples are encoded", flush=True)
    weights_path = args.out / "idf.npy"
    if not weights_path.exists():
        texts = sorted(
            {text for i in ready if rows[i]["kind"] == "given" for text in (rows[i]["claim"], *rows[i]["passages"])}
        )
        np.save(weights_path, word_weights(cache, texts))
    idf = np.load(weights_path)
    done: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
    out = args.out / "table.npz"
    if args.reuse and (old := np.load(args.reuse))["x"].shape[1] == len(NAMES):
        parts = np.split(old["chosen"], old["chosen_ends"][:-1])
        done = {texts_of(rows[i]): (row, part) for i, row, part in zip(old["row"], old["x"], parts, strict=True)}
    began, x, keep, chosen = time.time(), [], [], []
    for n, i in enumerate(ready):
        if (known := done.get(texts_of(rows[i]))) is not None:
            x.append(known[0])
            chosen.append(known[1])
            keep.append(i)
            continue
        claim, evidence = cache[rows[i]["claim"]], join([cache[p] for p in rows[i]["passages"]])
        if not len(claim.ids) or not len(evidence.ids):
            continue
        x.append(features(claim, evidence, idf))
        chosen.append(relevant(claim, evidence, idf))
        keep.append(i)
        if n % 5000 == 4999:
            print(f"{n + 1} rows, {time.time() - began:.0f} s", flush=True)
    # ``chosen`` are the evidence tokens that the network reads, ``chosen_ends`` the end of each row in it.
    texts_by_column: dict[str, Any] = {
        name: np.array([rows[i][name] for i in keep]) for name in ("label", "source", "kind", "split")
    }
    np.savez(
        out, x=np.stack(x), row=np.array(keep), chosen=np.concatenate(chosen),
        chosen_ends=np.cumsum([len(c) for c in chosen]), **texts_by_column,
    )  # fmt: skip


if __name__ == "__main__":
    main()
